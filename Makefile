# make app    builds .venv, installs what the lab needs and serves it at http://127.0.0.1:7860 (PORT changes it)
# make test   builds whatever the tests need too (a browser as well) and runs them
# Needs git, make and Python 3.11 or newer. Each install leaves a stamp file, so the second call starts at once.

PYTHON ?= python3
PORT ?= 7860
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --disable-pip-version-check --quiet

.PHONY: app test lint bench train-classifier train-judge train-gan train-war train-diffusion evaluate record clean

app: $(VENV)/app.stamp
	PORT=$(PORT) $(RUN) -m mnist_lab serve

test: $(VENV)/test.stamp $(VENV)/browser.stamp
	$(RUN) -m pytest

lint: $(VENV)/test.stamp
	$(RUN) -m ruff check .

bench: $(VENV)/browser.stamp
	$(RUN) -m benchmarks.sampling
	$(RUN) -m benchmarks.forging
	$(RUN) -m benchmarks.pen
	$(RUN) -m benchmarks.student

# FLAGS are passed on, for example: make train-gan FLAGS="--minutes 30" (a training of so many minutes keeps no snapshots, and there is no
# such war: the moments to keep are spread over a known number of images). The residual networks' and the denoiser's images are many: made
# for a GPU, where each run here takes minutes
RESNET := -m train.classifier --network resnet --batch 512 --rate 0.2 --warp 0.8 --thick 0.25 --pen 0.15 --strange 0.06 --validate-every 200000
LENET := -m train.classifier --network lenet --images 1700000 --warp 0.8 --thick 0.25 --holes 0 --pen 0.15 --strange 0.06 --ema 0.999
TEACHERS := 10 11 12
SEEDS := 0 1 2
comma := ,
files = $(foreach seed,$(1),runs/resnet-$(2)-$(seed)/resnet.safetensors)
several = $(subst $() ,$(comma),$(call files,$(1),seed))
# A last stage, of handwriting only, half of it moved. The three wide networks have not learned from moved digits: a short stage of the first
# pupil has, and answers for these. Nothing is left to choose, so it learns from all 60,000; a rehearsal without the validation writers sets
# temperature and threshold
STAGE := -m train.classifier --network resnet --batch 256 --rate 0.05 --validate-every 50000 --last
MOVED := runs/resnet-moved/resnet.safetensors
define last
	$(RUN) $(STAGE) --moved 0.5 --warp 0.8 --thick 0.25 --holes 0.4 --images 600000 --teacher $(call several,$(TEACHERS)),$(MOVED) $(3) \
	  --start runs/resnet-seed-$(1)/resnet.safetensors --seed $(1) --folder runs/resnet-last-$(2) --out runs/resnet-last-$(2)/resnet.safetensors $(FLAGS)

endef

# The residual network: three wide ones teach it, then the last stage, from three seeds. Then LeNet, which learns from the judge
train-classifier: $(VENV)/train.stamp
	for seed in $(TEACHERS); do $(RUN) $(RESNET) --widths 48,96,192 --holes 0.5 --images 4200000 --seed $$seed \
	  --folder runs/resnet-seed-$$seed --out runs/resnet-seed-$$seed/resnet.safetensors $(FLAGS) || exit 1; done
	for seed in $(SEEDS); do $(RUN) $(RESNET) --holes 0.4 --images 4000000 --teacher $(call several,$(TEACHERS)) --seed $$seed \
	  --folder runs/resnet-seed-$$seed --out runs/resnet-seed-$$seed/resnet.safetensors $(FLAGS) || exit 1; done
	$(RUN) $(STAGE) --moved 1 --plain 0.1 --thick 0 --holes 0 --images 300000 --start runs/resnet-seed-0/resnet.safetensors --folder $(dir $(MOVED)) --out $(MOVED) $(FLAGS)
	$(call last,0,rehearsal)
	$(foreach seed,$(SEEDS),$(call last,$(seed),$(seed),--whole))
	$(RUN) -m train.evaluate --only resnet --seeds $(call files,$(SEEDS),last) --rehearsal runs/resnet-last-rehearsal/resnet.safetensors
	$(RUN) $(LENET) --teacher checkpoints/mnist/judge.safetensors $(if $(findstring --minutes,$(FLAGS)),,--snapshots) --folder runs/lenet-taught $(FLAGS)

# The network that the generators are measured by: two stages, two more runs from there, the mean of their weights. It stays as it is, so that
# figures can be compared; done again, all of them are to be measured anew
JUDGE := -m train.classifier --network resnet --widths 24,48,96 --plain 0
LATER := $(JUDGE) --batch 128 --warp 0.5 --holes 0 --pool 18000
train-judge: $(VENV)/train.stamp
	$(RUN) $(JUDGE) --images 600000 --folder runs/judge-1 --out runs/judge-1/resnet.safetensors $(FLAGS)
	$(RUN) $(LATER) --images 360000 --start runs/judge-1/resnet.safetensors --folder runs/judge-2 --out runs/judge-2/resnet.safetensors --rate 0.03 --thick 0.2 $(FLAGS)
	$(RUN) $(LATER) --images 160000 --start runs/judge-2/resnet.safetensors --folder runs/judge-3 --out runs/judge-3/resnet.safetensors --rate 0.04 --thick 0.15 --ema 0.999 --pen 0.15 $(FLAGS)
	$(RUN) $(LATER) --images 757000 --start runs/judge-2/resnet.safetensors --folder runs/judge-4 --out runs/judge-4/resnet.safetensors --rate 0.04 --thick 0.15 --pen 0.2 --strange 0.125 $(FLAGS)
	$(RUN) -m train.soup runs/judge-2/resnet.safetensors runs/judge-3/resnet.safetensors runs/judge-4/resnet.safetensors --out checkpoints/mnist/judge.safetensors

train-gan: $(VENV)/train.stamp
	$(RUN) -m train.gan $(FLAGS)

# The war for the app's replay, and four that go wrong
train-war: $(VENV)/train.stamp
	$(RUN) -m train.gan --chronicle --images 200000 $(FLAGS)
	for how in default-init wide-init no-norm strong-judge; do $(RUN) -m train.gan --chronicle --images 48000 --spoil $$how $(FLAGS) || exit 1; done

# Our denoiser, which then learns to guide itself, and its student; the baseline beside them; and one that learns 500 digits by heart, for
# the test of memorising to find
PLAIN := runs/diffusion-plain/diffusion.safetensors
train-diffusion: $(VENV)/train.stamp
	$(RUN) -m train.diffusion --images 7000000 --batch 2048 --ema 0.998 --validate-every 500000 --folder $(dir $(PLAIN)) --out $(PLAIN) $(FLAGS)
	$(RUN) -m train.diffusion --images 120000 --batch 128 --rate 0.005 --start $(PLAIN) --taught 1.3 --folder runs/diffusion-taught $(FLAGS)
	$(RUN) -m train.student --images 2400000 --batch 1024 --ema 0.998 --teacher $(PLAIN) --guidance 1.2 --judged 0.1 --folder runs/student-judged $(FLAGS)
	$(RUN) -m train.diffusion --network unet $(FLAGS)
	$(RUN) -m train.diffusion --few 500 --images 200000 $(FLAGS)

evaluate: $(VENV)/train.stamp
	$(RUN) -m train.evaluate $(FLAGS)

# The runs the rooms open with, and the README's pictures: again after every training
record: $(VENV)/browser.stamp
	$(RUN) -m mnist_lab.ui.record
	$(RUN) -m tests.browser.pictures

clean:
	rm -rf $(VENV)

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MNIST Lab needs Python 3.11 or newer: make PYTHON=python3.12, for example")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/app.stamp: requirements.txt | $(RUN)
	@echo "Installing what the lab needs; the first time this takes some minutes."
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/train.stamp: train/requirements.txt $(VENV)/app.stamp
	$(PIP) -r train/requirements.txt
	@touch $@

$(VENV)/test.stamp: tests/requirements.txt $(VENV)/train.stamp
	$(PIP) -r tests/requirements.txt
	@touch $@

# The system's browser if there is one, else Debian's package where we may install it, else Playwright's own.
FOUND = for name in chromium chromium-browser google-chrome; do $$name --version >/dev/null 2>&1 && exit 0; done
ROOT = $$(test "$$(id -u)" = 0 || echo sudo -n)

$(VENV)/browser.stamp: $(VENV)/test.stamp
	@($(FOUND); exit 1) \
	  || (. /etc/os-release && case " $$ID $$ID_LIKE " in *" debian "*) ;; *) exit 1;; esac \
	      && $(ROOT) true && $(ROOT) apt-get update -qq && $(ROOT) apt-get install -qq -y chromium; $(FOUND); exit 1) 2>/dev/null \
	  || $(RUN) -m playwright install chromium
	@touch $@
