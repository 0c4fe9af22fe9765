"""The goals of chapter 10, measured: records/speech_bars-cpu.json.

    python benchmarks/speech_bars.py [--checkpoint speech-waveform] [--only PART …] [--quick]

Needs the judges speech-judge and speech-judge-b. Resumable, part by part.
"""

from __future__ import annotations

import time
from functools import partial

import torch
from timing import Results, arguments, say

from diffusion_utils import checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.speech import LENGTH, SPEAKERS, SpeechData, load_speech
from diffusion_utils.data.speech.masks import gap
from diffusion_utils.generate import generate
from diffusion_utils.linear_prediction import ORDER, fill_gaps
from diffusion_utils.metrics.speech import SpeechYardstick, evaluate, ladder, log_spectral_distance, snr
from diffusion_utils.sound import RATE
from diffusion_utils.speech import fill_waves

DIGITS, AMBITIOUS_DIGITS = 0.85, 0.93  # heard by both judges; of real words 98 %
VOICES, AMBITIOUS_VOICES = 0.80, 0.92
DISTANCE, AMBITIOUS_DISTANCE = 4.0, 2.0  # about that of noise at 10 dB; of real words that were not learnt from 0.5
RECALL, AMBITIOUS_RECALL = 0.4, 0.6
COPIES, AMBITIOUS_COPIES, ALIKE = 0.8, 0.95, 0.95  # of the distance of real words; the largest likeness of the ambitious goal
DECIBELS, AMBITIOUS_DECIBELS = 6.0, 3.0  # of hiss, and of the worst mel band
SIZE, REAL_TIME = 6 * 2**20, 1.0  # bytes; seconds of sound a CPU second
GAPS, WAYS = (0.01, 0.02, 0.05), 16  # s; ways in which each is filled, of which the mean has the best SNR
WEIGHTS, STEPS = (1.0, 2.0, 3.0), (10, 20, 80)


def asked(n: int) -> dict[str, torch.Tensor]:
    """Each digit and voice as often as any other."""
    place = torch.arange(n)
    return {"digit": place % 10, "speaker": place // 10 % len(SPEAKERS)}


def judged(figures: dict) -> dict[str, bool]:
    """The goals that figures of waves meet."""
    heard = {name: min(figures["accuracy"][judge][name] for judge in ("a", "b")) for name in ("digit", "speaker")}
    hiss = max(figures["hiss_db"]["within"] - figures["hiss_test_db"]["within"],
               (figures["hiss_db"]["beside"] or -60) - -50)  # beside a word −50 dB cannot be heard
    off, copies = abs(figures["worst_band_db"]), figures["copies"]
    return {
        "digits": heard["digit"] >= DIGITS, "more digits": heard["digit"] >= AMBITIOUS_DIGITS,
        "voices": heard["speaker"] >= VOICES, "more voices": heard["speaker"] >= AMBITIOUS_VOICES,
        "distance": figures["fd"] <= DISTANCE, "shorter distance": figures["fd"] <= AMBITIOUS_DISTANCE,
        "recall": (figures["recall"] or 0) >= RECALL, "more recall": (figures["recall"] or 0) >= AMBITIOUS_RECALL,
        "no copies": copies["ratio"] >= COPIES,
        "farther from copies": copies["ratio"] >= AMBITIOUS_COPIES and copies["likeness_most"] < ALIKE,
        "hiss": hiss <= DECIBELS, "less hiss": hiss <= AMBITIOUS_DECIBELS,
        "spectrum": off <= DECIBELS, "closer spectrum": off <= AMBITIOUS_DECIBELS,
    }


def drawn(checkpoint: Checkpoint, n: int, seed: int = 0, weight: float | None = None, **changes) -> dict:
    """All figures of n words, digits and voices in turn, and how they were drawn."""
    weight = checkpoint.card["config"].get("guidance", 1.0) if weight is None else weight
    cond = asked(n)
    x = generate(checkpoint, n, cond=cond, weight=weight, seed=seed, progress=True, **changes)
    figures = evaluate(x, cond, checkpoint.sampler.changed(**changes).calls(weight), str(checkpoint.device))
    return figures | {"seed": seed, "weight": weight} | changes | {"met": judged(figures)}


def chosen_gaps(data: SpeechData, seconds: float, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Words of the test part with a gap in their loudest part each: waves and masks, (n, LENGTH)."""
    rows = torch.linspace(0, len(data) - 1, n).long()
    waves, samples = data.placed(rows)[:, 0], round(seconds * RATE)
    generator = torch.Generator().manual_seed(0)
    masks = []
    for wave in waves:
        power = torch.nn.functional.avg_pool1d(wave.square()[None], samples, 1)[0]
        loud = (power >= power.max() / 10).nonzero()[:, 0]
        masks.append(gap(LENGTH, int(loud[torch.randint(len(loud), (), generator=generator)]), samples))
    return waves, torch.stack(masks)


def filled(checkpoint: Checkpoint, data: SpeechData, seconds: float, n: int, ways: int) -> dict:
    """A gap in n real words, filled by the network and by linear prediction. SNR is that of the mean of many ways, since what
    was said is one of them; the log-spectral distance that of single ones."""
    waves, masks = chosen_gaps(data, seconds, n)
    x = fill_waves(checkpoint, waves, masks, ways, progress=True)
    simple = torch.stack([torch.from_numpy(fill_gaps(wave.numpy(), mask.numpy())).float()
                          for wave, mask in zip(waves, masks, strict=True)])
    many = waves[:, None].expand_as(x), x, masks[:, None].expand_as(x)
    own = {"snr_of_mean": snr(waves, x.mean(1), masks), "snr": snr(*many).mean(1),
           "log_spectral": log_spectral_distance(*many).mean(1)}
    rival = {"snr": snr(waves, simple, masks), "log_spectral": log_spectral_distance(waves, simple, masks)}
    summed = {who: {name: {"mean": float(entry.mean()), "median": float(entry.median()), "error": float(entry.std() / n**0.5)}
                    for name, entry in found.items()} for who, found in (("network", own), ("prediction", rival))}
    met = {"SNR": float(own["snr_of_mean"].mean()) >= float(rival["snr"].mean())}
    if seconds > 0.02:  # what was said there is one of many things, and an error by samples says little
        ratio = summed["network"]["log_spectral"]["mean"] / summed["prediction"]["log_spectral"]["mean"]
        met = {"spectrum": ratio <= 1, "closer spectrum": ratio <= 0.8}
    return summed | {"gap_s": seconds, "words": n, "ways": ways, "order": ORDER, "met": met}


def waiting(checkpoint: Checkpoint, n: int = 10) -> dict:
    """Seconds of sound a CPU second, on one core, as the card draws it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        generate(checkpoint, n, cond=asked(n), steps=1)  # what is set up once is not what a word costs
        started = time.process_time()
        generate(checkpoint, n, cond=asked(n), weight=checkpoint.card["config"].get("guidance", 1.0))
        took = time.process_time() - started
    finally:
        torch.set_num_threads(threads)
    speed = n * LENGTH / RATE / took
    return {"words": n, "cpu_seconds": round(took, 2), "times_real_time": speed, "met": {"real time": speed >= REAL_TIME}}


def size(name: str) -> dict:
    """Bytes of the weights."""
    taken = checkpoints.find_card(name).with_suffix(".safetensors").stat().st_size
    return {"bytes": taken, "met": {"size": taken <= SIZE}}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="speech-waveform", help="a shipped one, or a path (default: speech-waveform)")
    parser.add_argument("--only", nargs="+", help="parts by name")
    args = parser.parse_args()
    checkpoint, test = checkpoints.load(args.checkpoint, args.device), load_speech("test")
    yardstick = SpeechYardstick(args.device)
    n, some, words, ways = (60, 60, 4, 2) if args.quick else (1000, 300, 60, WAYS)
    parts = {"size": lambda: size(args.checkpoint), "real time": lambda: waiting(checkpoint),
             "ladder": lambda: ladder(yardstick, test)}
    parts |= {f"gap {round(1000 * gap)} ms": partial(filled, checkpoint, test, gap, words, ways) for gap in GAPS}
    parts |= {f"seed {seed}": partial(drawn, checkpoint, n, seed) for seed in range(1 if args.quick else 3)}
    if not args.quick:
        parts |= {f"weight {weight:g}": partial(drawn, checkpoint, some, weight=weight) for weight in WEIGHTS}
        parts |= {f"steps {steps}": partial(drawn, checkpoint, some, steps=steps) for steps in STEPS}
    settings = {"checkpoint": checkpoint.card["sha256"], "judges": [one.card["sha256"] for one in (yardstick.judge,
                yardstick.second)], "data": test.name, "data_sha256": test.sha256, "weights_and_steps": some,
                "sampling": checkpoint.card["config"]["sampling"]}
    results = Results("speech_bars", checkpoint.device, "words heard, their distance, copies, hiss; gaps that are filled", n,
                      settings, args.quick, anywhere=True)
    results.measure(parts, args.only)
    for name, part in results.record["parts"].items():
        say((f"{name}, {goal}", "", met) for goal, met in part.get("met", {}).items())


if __name__ == "__main__":
    main()
