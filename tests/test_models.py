"""The networks: published sizes, shapes, and that what goes in makes a difference to what comes out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mnist_lab.models import MODELS, Denoiser, Discriminator, Generator, LeNet, ResidualDiscriminator, ResidualGenerator, ResNet, UNet, fold_batch_norm
from mnist_lab.models.denoiser import DEVIATION, MEAN
from mnist_lab.models.unet import ResidualBlock, RisingBlock
from mnist_lab.training import average


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights everywhere, and batch-norm statistics as training would leave them: nothing is zero or one by design."""
    generator = seeded(seed)
    with torch.no_grad():
        for p in network.parameters():
            p.normal_(0.0, 0.1 if p.dim() > 1 else 1.0, generator=generator)
        for name, b in network.named_buffers():
            if name.endswith("running_mean"):
                b.normal_(0.0, 0.5, generator=generator)
            if name.endswith("running_var"):
                b.uniform_(0.5, 2.0, generator=generator)
    return network.eval()


def unet_inputs(count: int = 2):
    x = torch.randn(count, 1, 32, 32, generator=seeded(1))
    return x, torch.full((count,), 0.5), torch.eye(10)[:count]


@pytest.mark.parametrize(("network", "count"), [
    (LeNet, 16_554), (ResNet, 474_154), (UNet, 2_447_681), (Denoiser, 1_135_012), (Generator, 316_353), (Discriminator, 187_297),
    (ResidualGenerator, 576_913), (ResidualDiscriminator, 547_265),
])
def test_parameter_count(network, count):
    assert sum(p.numel() for p in network().parameters()) == count


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_rebuilt_by_its_config(name):
    network = MODELS[name]()
    assert isinstance(network.config, MODELS[name].Config)
    again = MODELS[name](network.config)
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in network.state_dict().items()}


def test_a_rising_block_is_the_plain_one_on_the_enlarged_map():
    """With gradients and without, and again when other weights were loaded, and when they were averaged in place."""
    rising, plain = randomised(RisingBlock(24, 16, 8, 12)), ResidualBlock(40, 8, 12)
    plain.load_state_dict(rising.state_dict())
    small, skip, embedding = (torch.randn(shape, generator=seeded(3)) for shape in ((2, 24, 6, 6), (2, 16, 12, 12), (2, 12)))
    both = torch.cat([F.interpolate(small, scale_factor=2.0), skip], dim=1)
    for weights in range(3):
        ours, theirs = rising(small, skip, embedding), plain(both, embedding)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        for network, out in ((rising, ours), (plain, theirs)):
            network.zero_grad()
            out.square().mean().backward()
        for a, b in zip(rising.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5)
        with torch.inference_mode():
            for _ in range(2):  # the second time from kernels it has kept
                torch.testing.assert_close(rising(small, skip, embedding), theirs, rtol=1e-4, atol=1e-4)
        other = randomised(RisingBlock(24, 16, 8, 12), 7 + weights)
        average(rising, other, 0.5) if weights else rising.load_state_dict(other.state_dict())  # the kept kernels are of the weights before
        plain.load_state_dict(rising.state_dict())


def test_a_rising_block_normalises_in_full_precision_too():
    """In bfloat16 the difference of two squares would be nothing, or below it."""
    block = randomised(RisingBlock(24, 16, 8, 12))
    small, skip, embedding = (torch.randn(shape, generator=seeded(3)) for shape in ((2, 24, 6, 6), (2, 16, 12, 12), (2, 12)))
    exact = block(small + 30, skip + 30, embedding)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = block(small + 30, skip + 30, embedding).float()
    assert (mixed - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_a_unet_loaded_in_inference_mode_answers():
    with torch.inference_mode():
        model = randomised(UNet())
        assert model(*unet_inputs()).isfinite().all()


@pytest.mark.parametrize(("network", "features"), [(LeNet, 32), (ResNet, 256)])
def test_classifiers_give_ten_logits_and_features(network, features):
    model, x = network().eval(), torch.zeros(3, 1, 32, 32)
    assert model(x).shape == (3, 10)
    assert model.features(x).shape == (3, features)


def test_generator_and_discriminator_shapes():
    generator, discriminator, label = Generator().eval(), Discriminator().eval(), torch.eye(10)[:3]
    x = generator(torch.randn(3, generator.config.latent, generator=seeded()), label)
    assert x.shape == (3, 1, 32, 32)
    assert x.abs().max() <= 1
    assert discriminator(x, label).shape == (3,)


def test_dcgan_initialisation():
    model = Generator()
    assert model.up1.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.norm1.weight.mean().item() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_gan_networks_listen_to_the_label(network):
    model = randomised(network())
    x = torch.randn(1, 64, generator=seeded(1)) if network is Generator else torch.randn(1, 1, 32, 32, generator=seeded(1))
    a, b = (model(x, torch.eye(10)[k:k + 1]) for k in (0, 1))
    assert not torch.allclose(a, b, atol=1e-3)


def test_folding_batch_norm_keeps_the_function():
    trained = randomised(LeNet(LeNet.Config(batch_norm=True)))
    folded = fold_batch_norm(trained)
    x = torch.rand(16, 1, 32, 32, generator=seeded(2)) * 2 - 1
    assert sum(p.numel() for p in folded.parameters()) == 16_554
    torch.testing.assert_close(folded(x), trained(x), atol=1e-5, rtol=1e-5)
    unfolded = LeNet().eval()
    unfolded.load_state_dict({k: v for k, v in trained.state_dict().items() if "norm" not in k})
    assert not torch.allclose(unfolded(x), trained(x), atol=1e-2)  # the norms did something


def test_resnet_looks_at_the_inner_pixels_only():
    model, x = randomised(ResNet()), torch.zeros(1, 1, 32, 32)
    framed = x.clone()
    framed[..., :2, :] = 1
    assert torch.equal(model(x), model(framed))


@pytest.mark.parametrize("predicts", ["v", "eps"])
def test_unet_listens_to_label_and_noise_level(predicts):
    model = randomised(UNet(UNet.Config(predicts=predicts)))
    x, level, label = unet_inputs()
    eps = model(x, level, label)
    assert eps.shape == x.shape
    assert not torch.allclose(eps, model(x, level, label.roll(1, 0)), atol=1e-3)
    assert not torch.allclose(eps, model(x, level, torch.zeros_like(label)), atol=1e-3)
    assert not torch.allclose(eps, model(x, level / 2, label), atol=1e-3)


def test_unet_rows_do_not_mix():
    model = randomised(UNet())
    x, level, label = unet_inputs(3)
    torch.testing.assert_close(model(x, level, label)[1:2], model(x[1:2], level[1:2], label[1:2]), atol=1e-5, rtol=1e-4)


def test_unet_that_predicts_v_says_eps():
    """eps = s x + a v (Salimans and Ho 2022, appendix D): the rotation of process.from_velocity."""
    from mnist_lab.diffusion.process import from_velocity

    model = randomised(UNet())
    x, level, label = unet_inputs()
    level = torch.tensor([0.1, 0.9])
    _, eps = from_velocity(x, model.last_layer(x, level, label), level[:, None, None, None])
    torch.testing.assert_close(model(x, level, label), eps)


def test_denoiser_starts_from_the_best_guess_that_looks_at_nothing():
    """Its last layer starts at 0, which means v = 0: eps is then the linear estimate for Gaussian data of the digits' mean and variance."""
    x, level, label = unet_inputs()
    a, s = level.sqrt()[:, None, None, None], (1 - level).sqrt()[:, None, None, None]
    with torch.no_grad():
        eps = Denoiser().double()(x.double(), level.double(), label.double())
    expected = s * (x - a * MEAN) / (a**2 * DEVIATION**2 + s**2)
    torch.testing.assert_close(eps[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2].double(), rtol=1e-4, atol=1e-4)


def test_denoiser_knows_that_the_border_is_paper():
    x, level, label = unet_inputs()
    clean = -torch.ones_like(x)
    noisy = level.sqrt()[:, None, None, None] * clean + (1 - level).sqrt()[:, None, None, None] * x  # x serves as the noise
    with torch.no_grad():
        eps = Denoiser()(noisy, level, label)
    torch.testing.assert_close(eps[..., :2], x[..., :2], rtol=1e-3, atol=1e-3)


def test_denoiser_listens_to_label_and_noise_level():
    x, level, label = unet_inputs()
    network = randomised(Denoiser())
    with torch.no_grad():
        out = network(x, level, label)
        assert not torch.allclose(out, network(x, level, label.flip(1)), atol=1e-4)
        assert not torch.allclose(out, network(x, level * 0.5, label), atol=1e-4)
        torch.testing.assert_close(out[:1], network(x[:1], level[:1], label[:1]), rtol=1e-4, atol=1e-4)  # rows do not mix


@pytest.mark.parametrize("pair", [(Generator, Discriminator), (ResidualGenerator, ResidualDiscriminator)])
def test_a_gan_forges_and_judges_by_label(pair):
    forger, judge = (randomised(m()) for m in pair)
    z, label = torch.randn(2, 64, generator=seeded(3)), torch.eye(10)[[3, 8]]
    fake = forger(z, label)
    assert fake.shape == (2, 1, 32, 32) and fake.abs().max() <= 1
    assert not torch.allclose(fake, forger(z, label.flip(0)), atol=1e-3)
    assert judge(fake, label).shape == (2,)
    assert not torch.allclose(judge(fake, label), judge(fake, label.flip(0)), atol=1e-3)
