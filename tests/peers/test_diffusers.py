"""Our samplers and diffusers' schedulers, walked side by side on one network and one noise.

Where the two mean the same thing they agree to rounding. Where they do not, a test names the difference and shows what it does.

diffusers numbers its levels k = 0…T−1; its k is our t = k + 1, and its data has no number. Its tables are float32;
for the comparison of the steps they are replaced by ours, so that rounding does not hide a wrong formula.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from cases import states_of
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
)
from diffusers.training_utils import compute_snr
from torch import Tensor

from diffusion_utils.denoiser import Denoiser, target
from diffusion_utils.losses import min_snr_weight
from diffusion_utils.sampling import sample, timesteps
from diffusion_utils.schedules import Schedule, cosine, flow, from_betas, linear

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers with NumPy 2

THEIR_NAMES = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}
SCHEDULES = [linear(1000), cosine(1000)]
EVEN = timesteps(SCHEDULES[0], 20)                                    # 1000, 950, …, 50, 0
UNEVEN = [1000, 993, 800, 610, 333, 90, 17, 0]
FLOAT64, FLOAT32 = torch.finfo(torch.float64).eps, torch.finfo(torch.float32).eps
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
every_target = pytest.mark.parametrize("predicts", THEIR_NAMES)
with_and_without_clip = pytest.mark.parametrize("clip", [None, (-1.0, 1.0)], ids=["no clip", "clip"])


class Network:
    """A wrong but smooth estimate of x_0, given as the target `predicts`; it leaves [−1, 1], so that a clip bites."""

    def __init__(self, schedule: Schedule, predicts: str):
        self.schedule, self.predicts = schedule, predicts

    def at(self, x_t: Tensor, t: int) -> Tensor:
        signal, noise = self.schedule.at(t, like=x_t)
        x0_hat = 1.5 * torch.sin(0.7 * x_t + t / 300)
        return target(self.predicts, x0_hat, (x_t - signal * x0_hat) / noise, signal, noise)

    def __call__(self, x_t: Tensor, time: Tensor, cond=None) -> Tensor:
        return self.at(x_t, round(float(time[0]) * self.schedule.T / 1000))


class Noise:
    """The draws of `torch.randn` with one seed, as the peer makes them, for our walk: z of the first step, the second, …"""

    def __init__(self, like: Tensor):
        self.generator, self.like = torch.Generator().manual_seed(5), like

    def __call__(self) -> Tensor:
        return torch.randn(self.like.shape, generator=self.generator, dtype=self.like.dtype)


def start(n: int = 200) -> Tensor:
    return torch.randn(n, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def ours(schedule: Schedule, predicts: str, walk: list[int], monkeypatch=None, clip=None, **settings) -> list[Tensor]:
    """x_t at each time of the walk. With monkeypatch, the noise of the steps is the peer's."""
    if monkeypatch is not None:
        monkeypatch.setattr("diffusion_utils.sampling.gaussian.SampleNoise", lambda *_: Noise(start()))
    denoiser = Denoiser(Network(schedule, predicts), schedule, predicts, clip)
    return [state.x_t for state in states_of(denoiser, schedule, x_start=start(), times=walk, **settings)]


def their_table(peer, schedule: Schedule) -> None:
    """Give the peer our float64 table."""
    peer.alphas_cumprod, peer.alphas, peer.betas = schedule.alpha_bar[1:], schedule.alpha[1:], schedule.beta[1:]


def theirs(peer, schedule: Schedule, predicts: str, **step) -> list[Tensor]:
    """The same list from a scheduler whose timesteps are set."""
    network, x = Network(schedule, predicts), start()
    path = [x]
    for k in peer.timesteps:
        x = peer.step(network.at(x, int(k) + 1), int(k), x, **step).prev_sample
        path.append(x)
    return path


def rounding(schedule: Schedule, predicts: str, walk: list[int], eps: float = FLOAT64) -> float:
    """Rounding of x̂₀ from ε is divided by signal; the walk (a few dozen operations) carries it on, hardly enlarged."""
    return 64 * eps * (1 / float(schedule.signal[walk[0]]) if predicts == "eps" else 10)


def assert_same_path(path: list[Tensor], other: list[Tensor], atol: float) -> None:
    assert len(path) == len(other)
    for step, (a, b) in enumerate(zip(path, other, strict=True)):
        torch.testing.assert_close(a, b.double(), rtol=0, atol=atol, msg=lambda text, step=step: f"step {step}: {text}")


# Tables, targets


@pytest.mark.parametrize(("make", "name"), [(linear, "linear"), (cosine, "squaredcos_cap_v2")])
@pytest.mark.parametrize("T", [100, 1000])
def test_the_tables_agree(make, name: str, T: int) -> None:
    settings = {"beta_first": 0.1 / T, "beta_last": 20 / T} if make is linear else {}
    schedule = make(T, **settings)
    betas = {"beta_start": 0.1 / T, "beta_end": 20 / T} if make is linear else {}
    peer = DDPMScheduler(num_train_timesteps=T, beta_schedule=name, **betas)
    # Theirs is a product of T factors 1 − β in float32, each rounded twice: relative errors of 2⁻²⁴ add up, T·2 of them
    # at the worst; where β is 0.999, 1 − β = 0.001 has lost another factor 1000.
    torch.testing.assert_close(peer.alphas_cumprod.double(), schedule.alpha_bar[1:], rtol=(2 * T + 1000) * FLOAT32 / 2, atol=0)


@every_schedule
def test_the_jump_and_the_target_v_agree(schedule: Schedule) -> None:
    peer = DDPMScheduler()
    their_table(peer, schedule)
    x0, eps = start(), start().flip(0)
    t = torch.arange(1, 1001, 5)
    atol = 8 * FLOAT64 / float(schedule.noise[1])  # theirs takes √(1 − ᾱ) again: 1 − ᾱ_1 has lost digits to the 1
    torch.testing.assert_close(peer.add_noise(x0, eps, t - 1), schedule.add_noise(x0, t, eps), rtol=0, atol=atol)
    velocity = peer.get_velocity(x0, eps, t - 1)
    torch.testing.assert_close(velocity, target("v", x0, eps, *schedule.at(t, like=x0)), rtol=0, atol=atol)
    torch.testing.assert_close(compute_snr(peer, t - 1).double(), schedule.snr[t], rtol=8 * FLOAT32, atol=0)


# Their training scripts divide min(SNR, γ) so, SNR by the peer's own function.
THEIR_DIVISORS = {"eps": lambda snr: snr, "x0": torch.ones_like, "v": lambda snr: snr + 1}


@every_schedule
@every_target
def test_the_min_snr_weights_agree(schedule: Schedule, predicts: str) -> None:
    peer = DDPMScheduler()
    their_table(peer, schedule)
    t = torch.arange(1, 1001)
    snr = compute_snr(peer, t - 1).double()
    wanted = snr.clamp(max=5) / THEIR_DIVISORS[predicts](snr)
    torch.testing.assert_close(min_snr_weight(schedule, predicts, t), wanted, rtol=16 * FLOAT32, atol=0)


# Steps that agree


@every_schedule
@every_target
@with_and_without_clip
@pytest.mark.parametrize("variance", ["posterior", "large"])
@pytest.mark.parametrize("walk", [list(range(1000, 900, -1)) + [0], UNEVEN], ids=["every t", "uneven"])
def test_ddpm(schedule: Schedule, predicts: str, clip, variance: str, walk: list[int], monkeypatch) -> None:
    """Also with steps of any length. The last step is left out: there `fixed_large` differs, see below."""
    peer = DDPMScheduler(prediction_type=THEIR_NAMES[predicts], clip_sample=clip is not None,
                         variance_type={"posterior": "fixed_small", "large": "fixed_large"}[variance])
    their_table(peer, schedule)
    peer.set_timesteps(timesteps=[t - 1 for t in walk[:-1]])
    other = theirs(peer, schedule, predicts, generator=torch.Generator().manual_seed(5))
    path = ours(schedule, predicts, walk, monkeypatch, clip, sampler="ddpm", variance=variance)
    assert_same_path(path[:-1], other[:-1], rounding(schedule, predicts, walk))


@every_schedule
@every_target
@with_and_without_clip
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim(schedule: Schedule, predicts: str, clip, eta: float, monkeypatch) -> None:
    """Where the number of steps divides T, with `trailing` spacing and ε derived again after the clip."""
    peer = DDIMScheduler(prediction_type=THEIR_NAMES[predicts], clip_sample=clip is not None, timestep_spacing="trailing")
    their_table(peer, schedule)
    peer.set_timesteps(20)
    assert (peer.timesteps + 1).tolist() == EVEN[:-1]
    noise = {"generator": torch.Generator().manual_seed(5)} if eta else {}
    other = theirs(peer, schedule, predicts, eta=eta, use_clipped_model_output=True, **noise)
    path = ours(schedule, predicts, EVEN, monkeypatch, clip, sampler="ddim", eta=eta)
    assert_same_path(path, other, rounding(schedule, predicts, EVEN))


@every_target
@pytest.mark.parametrize("walk", [EVEN, UNEVEN], ids=["even", "uneven"])
@every_schedule
def test_dpm_solver_pp_2m(schedule: Schedule, predicts: str, walk: list[int]) -> None:
    """Every step, the first and the last included. The peer computes in float32 whatever it is given."""
    walk = walk if schedule.name == "linear" else [900, *(t for t in walk if t < 900)]  # √ᾱ_T = 5e-5 leaves float32 no digit
    peer = DPMSolverMultistepScheduler(prediction_type=THEIR_NAMES[predicts])
    their_table(peer, schedule)
    peer.set_timesteps(timesteps=[t - 1 for t in walk[:-1]])
    other = theirs(peer, schedule, predicts)
    path = ours(schedule, predicts, walk, sampler="dpmpp_2m")
    assert_same_path(path, other, rounding(schedule, predicts, walk, FLOAT32))


@every_target
@pytest.mark.parametrize("walk", [EVEN, UNEVEN], ids=["even", "uneven"])
@every_schedule
def test_dpm_solver_pp_2m_sde(schedule: Schedule, predicts: str, walk: list[int], monkeypatch) -> None:
    """The same estimate with fresh noise, theirs and ours drawn alike."""
    walk = walk if schedule.name == "linear" else [900, *(t for t in walk if t < 900)]  # as above
    peer = DPMSolverMultistepScheduler(prediction_type=THEIR_NAMES[predicts], algorithm_type="sde-dpmsolver++")
    their_table(peer, schedule)
    peer.set_timesteps(timesteps=[t - 1 for t in walk[:-1]])
    fresh = Noise(start())
    network, x = Network(schedule, predicts), start()
    other = [x]
    for k in peer.timesteps:
        x = peer.step(network.at(x, int(k) + 1), int(k), x, variance_noise=fresh()).prev_sample
        other.append(x)
    path = ours(schedule, predicts, walk, monkeypatch, sampler="dpmpp_2m_sde")
    assert_same_path(path, other, rounding(schedule, predicts, walk, FLOAT32))


@every_target
@every_schedule
def test_heun(schedule: Schedule, predicts: str) -> None:
    """Below T every step, in their x̄ = x/signal and σ = noise/signal; their network sees x, as ours does."""
    walk = [t for t in UNEVEN if t < 1000]
    sigmas = (schedule.noise / schedule.signal)[walk]
    peer = HeunDiscreteScheduler(prediction_type=THEIR_NAMES[predicts])
    peer.set_timesteps(timesteps=[t - 1 for t in walk[:-1]])
    peer.sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]])  # ours in float64
    network, x = Network(schedule, predicts), start() / schedule.signal[walk[0]]
    path = [start()]
    for i, k in enumerate(peer.timesteps):
        x = peer.step(network.at(peer.scale_model_input(x, k), int(k) + 1), k, x).prev_sample
        if i % 2 == 1 or i == len(peer.timesteps) - 1:  # two calls make a step, but for the last
            path.append(x * schedule.signal[walk[len(path)]])
    # Slopes in x̄ are x/signal: roundings of numbers of the size σ_T.
    assert_same_path(ours(schedule, predicts, walk, sampler="heun"), path, 64 * FLOAT64 * float(sigmas[0]))


def test_flow_matching_euler() -> None:
    schedule, walk = flow(1000), EVEN
    peer = FlowMatchEulerDiscreteScheduler()
    peer.set_timesteps(sigmas=[t / 1000 for t in walk[:-1]])
    torch.testing.assert_close(peer.timesteps.double(), torch.tensor(walk[:-1]).double(), rtol=4 * FLOAT32, atol=0)
    network, x = Network(schedule, "flow"), start()
    path = [x]
    for t, k in zip(walk, peer.timesteps, strict=False):
        x = peer.step(network.at(x, t), k, x).prev_sample
        path.append(x)
    # Its σ are float32; the network's ε̂ − x̂₀ divides x − (1 − t/T)·x̂₀ by t/T ≥ 0.05.
    assert_same_path(ours(schedule, "flow", walk, sampler="ddim"), path, 64 * FLOAT32 / 0.05)


# Zero terminal SNR


def rescaled() -> tuple[DDIMScheduler, Schedule]:
    peer = DDIMScheduler(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction",
                         clip_sample=False)
    return peer, from_betas(peer.betas.double(), "rescaled")


def test_zero_terminal_snr_with_v() -> None:
    peer, schedule = rescaled()
    assert float(schedule.signal[-1]) == 0 and float(schedule.noise[-1]) == 1
    shift = linear(1000).signal[-1]  # Lin et al. 2024, algorithm 1: √ᾱ shifted to end at 0, scaled to keep its first value
    wanted = (linear(1000).signal[1:] - shift) * linear(1000).signal[1] / (linear(1000).signal[1] - shift)
    # A product of 1000 float32 factors again; near T the shift has cancelled most of √ᾱ's digits.
    torch.testing.assert_close(schedule.signal[1:], wanted, rtol=0, atol=2000 * FLOAT32 / 2)
    their_table(peer, schedule)
    peer.set_timesteps(20)
    assert_same_path(ours(schedule, "v", EVEN, sampler="ddim"), theirs(peer, schedule, "v"), rounding(schedule, "v", EVEN))


def test_zero_terminal_snr_with_eps_is_refused_where_the_peer_divides_by_zero() -> None:
    """diffusers #3851, #5103: the first x̂₀ is ±∞, a clip turns it into ±1, and nobody notices."""
    _, schedule = rescaled()
    network, x = Network(schedule, "eps"), start()
    for clip, finite in ((False, False), (True, True)):
        peer = DDIMScheduler(rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=clip)
        peer.set_timesteps(20)
        x0_hat = peer.step(network.at(x, 1000) + 0.1, 999, x).pred_original_sample
        assert bool(torch.isfinite(x0_hat).all()) == finite
        assert not finite or bool((x0_hat.abs() == 1).all())
    with pytest.raises(ValueError, match="signal = 0"):
        ours(schedule, "eps", EVEN)


# Differences, each named by what is wrong


def test_difference_leading_spacing_starts_below_the_noise() -> None:
    """diffusers #5921: five steps begin at k = 800, where six times as much signal is left as at T."""
    peer = DDIMScheduler()
    peer.set_timesteps(5)
    assert peer.config.timestep_spacing == "leading" and peer.timesteps.tolist() == [800, 600, 400, 200, 0]
    assert timesteps(linear(1000), 5)[0] == 1000
    assert float(linear(1000).signal[801]) > 6 * float(linear(1000).signal[1000])


def test_difference_ddim_steps_by_a_uniform_stride() -> None:
    """diffusers #9261: with 300 steps of 1000 the stride is 3⅓, but the step always goes 3 down, not to where it is next."""
    schedule = linear(1000)
    peer = DDIMScheduler(prediction_type="sample", clip_sample=False, timestep_spacing="trailing")
    their_table(peer, schedule)
    peer.set_timesteps(300)
    k, following = next((a, b) for a, b in itertools.pairwise(peer.timesteps.tolist()) if a - b == 4 and a < 500)
    x, network = start(), Network(schedule, "x0")
    found = peer.step(network.at(x, k + 1), k, x).prev_sample

    def step_to(s: int) -> Tensor:
        return next(itertools.islice(sample(Denoiser(network, schedule, "x0", None), schedule, x_start=x,
                                            times=[k + 1, s, 0]), 1, None)).x_t

    torch.testing.assert_close(found, step_to(k - 3 + 1), rtol=0, atol=1e-12)
    assert float((found - step_to(following + 1)).abs().max()) > 1e-4


def test_difference_ddim_clips_without_deriving_eps_again() -> None:
    """Its default: the clipped x̂₀ and the unclipped ε̂ no longer explain x_t together (lucidrains #84)."""
    schedule = linear(1000)
    peer = DDIMScheduler(timestep_spacing="trailing")
    their_table(peer, schedule)
    peer.set_timesteps(20)
    x, output = start(), Network(schedule, "eps").at(start(), 1000)
    found, again = (peer.step(output, 999, x, use_clipped_model_output=flag) for flag in (False, True))
    x0_hat = found.pred_original_sample
    assert float((x0_hat.abs() == 1).double().mean()) > 0.1
    signal_s, noise_s = schedule.at(950, like=x)
    signal_t, noise_t = schedule.at(1000, like=x)
    consistent = (x - signal_t * x0_hat) / noise_t
    torch.testing.assert_close(again.prev_sample, signal_s * x0_hat + noise_s * consistent, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.prev_sample, signal_s * x0_hat + noise_s * output, rtol=0, atol=1e-12)
    assert float((found.prev_sample - again.prev_sample).abs().max()) > 1e-3


def test_difference_ddpm_with_large_variance_ends_in_noise() -> None:
    """Its last step is noiseless only from k = 0; `trailing` ends at k = 49, and noise of variance 0.03 stays on x_0."""
    schedule = linear(1000)
    peer = DDPMScheduler(prediction_type="sample", clip_sample=False, variance_type="fixed_large", timestep_spacing="trailing")
    their_table(peer, schedule)
    peer.set_timesteps(20)
    x = start()
    x0_hat = Network(schedule, "x0").at(x, 50)
    left = peer.step(x0_hat, 49, x, generator=torch.Generator().manual_seed(5)).prev_sample - x0_hat
    assert float(schedule.noise[50]) ** 2 == pytest.approx(0.03, abs=0.005)
    torch.testing.assert_close(left, (1 - schedule.alpha_bar[50]).sqrt() * Noise(x)(), rtol=0, atol=1e-12)
    last = ours(schedule, "x0", [50, 0], sampler="ddpm", variance="large")[-1]
    torch.testing.assert_close(last, x0_hat, rtol=0, atol=1e-14)


def test_difference_a_repeated_last_level_makes_the_last_step_a_dummy() -> None:
    """diffusers #6068: without `set_alpha_to_one` the step after t = 1 goes to t = 1, and its noise stays on the sample."""
    schedule = linear(1000)
    peer = DDIMScheduler(set_alpha_to_one=False, prediction_type="sample", clip_sample=False)
    peer.set_timesteps(20)
    x_1 = schedule.add_noise(start(), 1, start().flip(0))
    end = peer.step(start(), int(peer.timesteps[-1]), x_1).prev_sample
    # Their table, float32: √(1 − ᾱ_1) is 0.01, known to FLOAT32/0.01, and its inverse multiplies it again.
    torch.testing.assert_close(end, x_1, rtol=0, atol=64 * FLOAT32 / 0.01)


def test_difference_a_last_sigma_above_zero_leaves_noise() -> None:
    """diffusers #5689: with `sigma_min` the walk ends at t = 1, not at t = 0, and β_1 of noise variance stays."""
    schedule = linear(1000)
    peer = DPMSolverMultistepScheduler(final_sigmas_type="sigma_min", prediction_type="sample")
    peer.set_timesteps(timesteps=[t - 1 for t in EVEN[:-1]])
    path = ours(schedule, "x0", [*EVEN[:-1], 1, 0], sampler="dpmpp_2m")
    torch.testing.assert_close(theirs(peer, schedule, "x0")[-1], path[-2], rtol=0, atol=rounding(schedule, "x0", EVEN, FLOAT32))


def test_difference_linspace_is_one_off() -> None:
    """It spreads 0…999, we spread 0…1000: both begin at T; in between their times lie up to one lower or higher."""
    peer = DPMSolverMultistepScheduler()
    peer.set_timesteps(20)
    theirs_as_t = [k + 1 for k in peer.timesteps.tolist()]
    assert theirs_as_t[0] == EVEN[0] == 1000
    gaps = [a - b for a, b in zip(theirs_as_t, EVEN, strict=False)]
    assert set(gaps) == {0, 1}


def test_difference_a_scheduler_remembers_its_last_walk() -> None:
    """diffusers #8711: the second walk of one scheduler goes wrong or breaks; ours has nothing to remember."""
    schedule = linear(1000)
    peer = DPMSolverMultistepScheduler(prediction_type="sample")
    peer.set_timesteps(20)
    theirs(peer, schedule, "x0")
    with pytest.raises(IndexError):
        theirs(peer, schedule, "x0")
    assert_same_path(ours(schedule, "x0", EVEN, sampler="dpmpp_2m"), ours(schedule, "x0", EVEN, sampler="dpmpp_2m"), 0)


def test_difference_heun_corrects_its_first_step_too() -> None:
    """From T we take a plain Euler step: σ_T of `cosine` is 20,000, and the corrector enlarges errors by σ_T/σ_s."""
    schedule = cosine(1000)
    peer = HeunDiscreteScheduler(prediction_type="sample")
    peer.set_timesteps(timesteps=[999, 799])
    peer.sigmas = (schedule.noise / schedule.signal)[[1000, 800, 800, 0]]
    network, x = Network(schedule, "x0"), start() / schedule.signal[1000]
    euler = peer.step(network.at(start(), 1000), 999, x).prev_sample
    corrected = peer.step(network.at(euler * schedule.signal[800], 800), 799, euler).prev_sample
    path = ours(schedule, "x0", [1000, 800, 0], sampler="heun")
    # Roundings of numbers of the size σ_T = 20,000.
    torch.testing.assert_close(path[1], euler * schedule.signal[800], rtol=0, atol=64 * FLOAT64 * 2e4)
    assert float((path[1] - corrected * schedule.signal[800]).abs().max()) > 100


def test_difference_one_t_for_the_whole_batch() -> None:
    """diffusers #1784: its step takes one k; our update takes a t and an s for each sample (tests/test_sampling.py)."""
    peer = DDIMScheduler()
    peer.set_timesteps(20)
    with pytest.raises(RuntimeError, match="ambiguous"):
        peer.step(start(), torch.arange(200) * 5, start())
