"""The training loop on a task small enough to follow: order of data, resumption, stopping, budgets and averages."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from mnist_lab.data import Digits
from mnist_lab.training import Budget, Plan, Result, Run, average, batch_indices, cosine, fit, seeded

COUNT, BATCH = 40, 8
DATA = Digits(torch.randint(0, 256, (COUNT, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8), torch.arange(COUNT) % 10)


class Regression:
    """Predicts the label from the mean of each row, with noise in every update; remembers what it was given."""

    def __init__(self, accelerator: Accelerator, start: int = 0, losses: Iterator[float] | None = None):
        torch.manual_seed(start)
        network = nn.Sequential(nn.Linear(28, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        network, optimizer = accelerator.prepare(network, torch.optim.AdamW(network.parameters(), lr=0.01))
        self.networks, self.optimizers = {"net": network}, [optimizer]
        self.accelerator, self.losses = accelerator, losses
        self.rates, self.weights = [], []

    def error(self, network: nn.Module, batch: Digits, noise: torch.Tensor | float = 0.0) -> torch.Tensor:
        return (network(batch.images.float().mean(2) / 255 + noise).squeeze(1) - batch.labels / 10).square().mean()

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, torch.Tensor]:
        loss = self.error(self.networks["net"], batch, 0.1 * torch.randn(len(batch), 28, generator=generator))
        self.optimizers[0].zero_grad()
        self.accelerator.backward(loss)
        self.optimizers[0].step()
        self.rates.append(self.optimizers[0].param_groups[0]["lr"])
        self.weights.append(self.networks["net"][0].weight.detach().clone())
        return {"loss": loss.detach()}

    @torch.no_grad()
    def validate(self, averaged: dict[str, nn.Module]) -> dict[str, float]:
        return {"loss": next(self.losses) if self.losses else self.error(averaged["net"], DATA).item()}

    def picture(self, averaged: dict[str, nn.Module]) -> None:
        return None


@pytest.fixture(scope="module")
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


@pytest.fixture(autouse=True)
def quick(request, monkeypatch) -> None:
    """Curves are drawn after each validation, which takes longer than these trainings: only where they are looked at."""
    if "curves" not in request.node.name:
        monkeypatch.setattr(Run, "draw_curves", lambda run: None)


def plan(updates: int = 60, **changes) -> Plan:
    settings = {"seed": 3, "batch": BATCH, "budget": Budget(updates * BATCH), "schedule": cosine, "ema": 0.9, "validate_every": 100, "save_minutes": 0.0}
    return Plan(**{**settings, **changes})


def finish(steps) -> Result:
    """Run a training to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def interrupt(steps, after: int) -> None:
    """Run `after` updates, then break off as a killed process would."""
    for step in steps:
        if step.index == after:
            steps.close()
            return


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open()))


def assert_same(a, b) -> None:
    """Nested dicts and lists of tensors and numbers, equal bit for bit."""
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for k in a:
            assert_same(a[k], b[k])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


def saved_state(folder: Path) -> dict:
    state = torch.load(folder / "state.pt", weights_only=True)
    del state["progress"]["seconds"]  # the only thing a clock decides here
    return state


# Order of the data


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_each_epoch_shows_every_image_once_over_all_processes(processes):
    per_epoch = 48 // (4 * processes)
    for epoch in (0, 1):
        seen = [batch_indices(48, 4, epoch * per_epoch + k, 5, rank, processes) for k in range(per_epoch) for rank in range(processes)]
        assert torch.cat(seen).sort().values.tolist() == list(range(48))


def test_every_epoch_and_seed_has_its_own_order():
    first, second, other = batch_indices(48, 48, 0, 5, 0, 1), batch_indices(48, 48, 1, 5, 0, 1), batch_indices(48, 48, 0, 6, 0, 1)
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(first, batch_indices(48, 48, 0, 5, 0, 1))


def test_no_image_comes_twice_in_an_epoch_that_does_not_divide():
    seen = torch.cat([batch_indices(50, 8, k, 5, 0, 1) for k in range(6)])
    assert len(seen.unique()) == len(seen) == 48


def test_streams_differ_in_every_part_of_their_key():
    device = torch.device("cpu")
    draws = {tuple(torch.rand(4, generator=seeded(device, *key)).tolist()) for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0), (0,)]}
    assert len(draws) == 6


# Resumption


@pytest.mark.parametrize("stop_after", [1, 23, 59])
def test_resumed_equals_uninterrupted_bit_for_bit(accelerator, tmp_path, stop_after):
    whole = finish(fit(Regression(accelerator), DATA, plan(), tmp_path / "whole", accelerator))
    interrupt(fit(Regression(accelerator), DATA, plan(), tmp_path / "parts", accelerator), stop_after)
    resumed = finish(fit(Regression(accelerator, start=99), DATA, plan(), tmp_path / "parts", accelerator))  # other initial weights
    assert_same(dict(resumed.networks["net"].state_dict()), dict(whole.networks["net"].state_dict()))
    assert (resumed.images, resumed.validation) == (whole.images, whole.validation)
    assert_same(saved_state(tmp_path / "parts"), saved_state(tmp_path / "whole"))
    for name in ("losses.csv", "validation.csv"):
        assert rows(tmp_path / "parts" / name) == rows(tmp_path / "whole" / name)


def test_updates_after_the_last_save_are_done_again_and_logged_once(accelerator, tmp_path):
    never = plan(save_minutes=1000)
    finish(fit(Regression(accelerator), DATA, plan(updates=60), tmp_path / "whole", accelerator))
    interrupt(fit(Regression(accelerator), DATA, plan(), tmp_path / "parts", accelerator), 10)
    interrupt(fit(Regression(accelerator), DATA, never, tmp_path / "parts", accelerator), 45)  # lost
    assert torch.load(tmp_path / "parts" / "state.pt", weights_only=True)["progress"]["step"] == 10
    finish(fit(Regression(accelerator), DATA, plan(), tmp_path / "parts", accelerator))
    assert rows(tmp_path / "parts" / "losses.csv") == rows(tmp_path / "whole" / "losses.csv")
    assert_same(saved_state(tmp_path / "parts"), saved_state(tmp_path / "whole"))


def test_a_finished_run_is_not_trained_further(accelerator, tmp_path):
    first = finish(fit(Regression(accelerator), DATA, plan(20), tmp_path, accelerator))
    task = Regression(accelerator, start=99)
    again = finish(fit(task, DATA, plan(20), tmp_path, accelerator))
    assert task.rates == []
    assert_same(dict(again.networks["net"].state_dict()), dict(first.networks["net"].state_dict()))


# Stopping and budgets


def test_patience_stops_and_the_best_weights_are_kept(accelerator, tmp_path):
    losses = iter([3.0, 1.0, 2.0, 1.5, 1.2, 0.1])
    task, kept = Regression(accelerator, losses=losses), {}
    steps = fit(task, DATA, plan(1000, patience=3, validate_every=BATCH), tmp_path, accelerator)
    seen = []

    def watched():
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            seen.append(step.validation["loss"])
            kept[step.index] = torch.load(tmp_path / "state.pt", weights_only=True)["averaged"]["net"]

    result = watched()
    assert seen == [3.0, 1.0, 2.0, 1.5, 1.2]  # three without a new best
    assert result.validation == {"loss": 1.0}
    assert_same(dict(result.networks["net"].state_dict()), dict(kept[2]))


def test_the_last_weights_are_kept_if_asked_for_also_after_a_resumption(accelerator, tmp_path):
    task = Regression(accelerator, losses=iter([1.0, 2.0]))
    how = plan(2, validate_every=BATCH, last=True)
    result = finish(fit(task, DATA, how, tmp_path, accelerator))
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert result.validation == {"loss": 2.0} and state["best"]["loss"] == 1.0
    assert_same(dict(result.networks["net"].state_dict()), dict(state["averaged"]["net"]))
    again = finish(fit(Regression(accelerator), DATA, how, tmp_path, accelerator))
    assert again.validation == {"loss": 2.0}
    assert_same(dict(again.networks["net"].state_dict()), dict(result.networks["net"].state_dict()))


def test_image_budget_is_spent_exactly(accelerator, tmp_path):
    task = Regression(accelerator)
    result = finish(fit(task, DATA, plan(25), tmp_path, accelerator))
    assert result.images == 25 * BATCH
    assert len(task.rates) == 25
    assert [int(r["images"]) for r in rows(tmp_path / "validation.csv")] == [104, 200]  # on the way, and at the end


def test_minutes_end_with_the_learning_rate_decayed(accelerator, tmp_path):
    task = Regression(accelerator)
    result = finish(fit(task, DATA, plan(budget=Budget(images=1, minutes=1.5 / 60), save_minutes=1000), tmp_path, accelerator))
    assert 1.5 / 60 <= result.minutes < 4 / 60
    assert len(task.rates) > 20
    assert max(task.rates) > 0.009  # of 0.01
    assert task.rates[-1] < 0.001
    assert "loss" in result.validation


def test_cosine_warms_up_and_ends_at_zero():
    assert cosine(0.0) == 0
    assert cosine(0.01) == pytest.approx(0.5)
    assert cosine(0.02) == pytest.approx(1.0)
    assert cosine(0.51) == pytest.approx(0.5)
    assert cosine(1.0) == pytest.approx(0.0, abs=1e-12)


# Averaging


def test_average_moves_by_one_minus_the_decay():
    averaged, current = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    with torch.no_grad():
        averaged.weight.fill_(1.0)
        current.weight.fill_(2.0)
        current.running_mean.fill_(10.0)
        current.num_batches_tracked.fill_(7)
    average(averaged, current, 0.9)
    torch.testing.assert_close(averaged.weight.data, torch.full((2,), 1.1))
    torch.testing.assert_close(averaged.running_mean, torch.full((2,), 1.0))
    assert averaged.num_batches_tracked == 7  # counted, not averaged


def test_the_result_holds_averaged_weights(accelerator, tmp_path):
    """Decay of update k is min(ema, (1 + k) / (10 + k)), so that the random start is soon forgotten."""
    task = Regression(accelerator)
    expected = task.networks["net"][0].weight.detach().clone()
    result = finish(fit(task, DATA, plan(30, validate_every=10**9), tmp_path, accelerator))
    for k, weight in enumerate(task.weights, start=1):
        decay = min(0.9, (1 + k) / (10 + k))
        expected = decay * expected + (1 - decay) * weight
    torch.testing.assert_close(result.networks["net"][0].weight, expected)
    assert not torch.allclose(expected, task.weights[-1], atol=1e-6)


def test_a_run_leaves_losses_and_curves(accelerator, tmp_path):
    finish(fit(Regression(accelerator), DATA, plan(60), tmp_path, accelerator))
    logged = rows(tmp_path / "losses.csv")
    assert [int(r["step"]) for r in logged] == [1, 20, 40, 60]
    assert all(math.isfinite(float(r["loss"])) for r in logged)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
