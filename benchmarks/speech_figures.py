"""The record of chapter 10's figures: words on their way from noise, and gaps in real words, filled in two ways.

    python benchmarks/speech_figures.py [--checkpoint speech-waveform] [--out diffusion_utils/records] [--quick]

The real words are of the Free Spoken Digit Dataset (CC BY-SA 4.0), and so is what is kept of them here.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import torch
from safetensors import torch as safetensors
from timing import HERE, arguments, commit, processor
from torch import Tensor

from diffusion_utils import checkpoints
from diffusion_utils.chapters.speech_figures import as_bytes, sample_words, word_of
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.speech import SPEAKERS, to_wave
from diffusion_utils.data.speech.masks import gap
from diffusion_utils.devices import autocast, describe
from diffusion_utils.files import write_atomic
from diffusion_utils.guidance import guided
from diffusion_utils.linear_prediction import fill_gaps
from diffusion_utils.metrics.speech import log_spectral_distance, snr
from diffusion_utils.records import FOLDER
from diffusion_utils.sampling import sample
from diffusion_utils.sound import RATE
from diffusion_utils.speech import fill_waves

SAID = ((7, "theo"), (3, "george"))  # what the network says
MOMENTS = 12  # of a walk that are kept
ERASED = ((9, "jackson"), (5, "lucas"), (1, "nicolas"))  # real words, of the test part
GAPS = (0.01, 0.02, 0.05, 0.1, 0.2)  # s


@torch.no_grad()
def path(checkpoint: Checkpoint, seed: int = 0) -> tuple[dict, Tensor]:
    """The words of SAID at some moments of their walks: waves (moments, words, 2, L), the state and the estimate."""
    weight, schedule, device = checkpoint.card["config"]["guidance"], checkpoint.schedule, checkpoint.device
    cond = {"digit": torch.tensor([digit for digit, _ in SAID], device=device),
            "speaker": torch.tensor([SPEAKERS.index(speaker) for _, speaker in SAID], device=device)}
    with autocast(device):
        walk = list(sample(guided(checkpoint.denoiser, schedule, weight), schedule, (len(SAID), *checkpoint.shape),
                           checkpoint.sampler, cond=cond, seed=seed, device=device))
    kept = [walk[k] for k in torch.linspace(0, len(walk) - 1, min(MOMENTS, len(walk))).long().tolist()]
    waves = [torch.stack([to_wave(part.float().cpu())[:, 0] for part in (state.x_t, state.x0_hat)], 1) for state in kept]
    return {"times": [int(state.t) for state in kept], "words": SAID, "weight": weight, "seed": seed}, torch.stack(waves)


def filled(checkpoint: Checkpoint, steps: int | None = None) -> tuple[dict, dict[str, Tensor]]:
    """Each gap in each of the words: filled by linear prediction, and once by the network, which is told neither word nor
    voice."""
    data = sample_words()
    words = data.placed(torch.tensor([word_of(data, *word) for word in ERASED]))[:, 0]
    middles = [loudest(word) for word in words]
    about = {"words": ERASED, "samples": [round(RATE * seconds) for seconds in GAPS], "starts": [], "log_spectral": [],
             "snr": []}
    waves = []
    for samples in about["samples"]:
        starts = [min(max(middle - samples // 2, 0), words.shape[1] - samples) for middle in middles]
        masks = torch.stack([gap(words.shape[1], start, samples) for start in starts])
        simple = torch.stack([torch.from_numpy(fill_gaps(word.numpy(), mask.numpy())).float()
                              for word, mask in zip(words, masks, strict=True)])
        own = fill_waves(checkpoint, words, masks, steps=steps)[:, 0]
        both = torch.stack([simple, own], 1)
        truth, mask = words[:, None].expand_as(both), masks[:, None].expand_as(both)
        about["starts"].append(starts)
        about["log_spectral"].append(log_spectral_distance(truth, both, mask).tolist())
        about["snr"].append(snr(truth, both, mask).tolist())
        waves.append(both)
    return about, {"words": words, "filled": torch.stack(waves)}


def loudest(word: Tensor, around: int = RATE // 10) -> int:
    """The middle of the 100 ms with the most power."""
    power = torch.nn.functional.avg_pool1d(word.square()[None], around, 1)[0]
    return int(power.argmax()) + around // 2


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="speech-waveform", help="a shipped one, or a path (default: speech-waveform)")
    parser.add_argument("--out", type=Path, help="the folder of the record (default: the package's; with --quick here/)")
    args = parser.parse_args()
    out = args.out or (HERE if args.quick else FOLDER)
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    walked, waves = path(checkpoint)
    erased, kept = filled(checkpoint, 2 if args.quick else None)
    tensors = {}
    for name, value in {"path": waves, **kept}.items():
        tensors[name], tensors[f"{name}_peaks"] = (part.contiguous() for part in as_bytes(value))
    record = {"measure": "two words on their way from noise, and gaps in three real words, filled; the real ones are of the "
                         "Free Spoken Digit Dataset (CC BY-SA 4.0)",
              "checkpoint": checkpoint.name, "sha256": checkpoint.card["sha256"],
              "sampling": checkpoint.card["config"]["sampling"], "n": len(SAID),
              "hardware": describe(checkpoint.device), "torch": torch.__version__, "commit": commit(),
              "processor": processor(), "date": date.today().isoformat(), "path": walked, "gaps": erased}
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / "speech_figures.safetensors", safetensors.save(tensors))
    write_atomic(out / "speech_figures.json", checkpoints.json_bytes(record))
    size = (out / "speech_figures.safetensors").stat().st_size
    print(f"written: {out / 'speech_figures.json'}, and {size / 1000:.0f} kB of sound")


if __name__ == "__main__":
    main()
