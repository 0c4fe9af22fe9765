"""Explorable: figures that the page computes itself, where every setting would be too much to compute beforehand."""

from __future__ import annotations

import base64

import matplotlib.figure
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.schedules import MAX_SIGNAL_LEFT, Schedule, cosine, linear
from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.figure import POSITIONS, Axis, Figure, axis_state, check_name, name_from
from diffusion_utils.widgets.sprites import encode_png, scatter

SIDE = 440  # CSS pixels of the picture
FINE = 2  # pixels of a still picture for each of them, as in explorable.js
COLOURS = np.array([[31, 131, 201], [210, 96, 26], [27, 146, 112], [182, 95, 164]], np.uint8)  # as in figure.css
TOO_MUCH = ", too much"
NUMBER, VERDICT = "0.00000123", f"0.0276{TOO_MUCH}"  # as wide as any text of a readout
FRACTIONS = [k / 100 for k in range(101)]
LENGTHS = [20, 50, 100, 200, 500, 1000]
BETAS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4]
OFFSETS = [0.0, 0.008, 0.05, 0.1, 0.2]
SPREADS = [0.25, 0.5, 1.0, 2.0]
NAMES = ["linear", "cosine"]  # of the two schedules


class Explorable(Figure):
    """A drawing and its sliders, computed by JavaScript. Make one with `Explorable.points` or `Explorable.schedules`.

    `index`, `index2`, … are the positions of the sliders, which Python can read, set, observe and link.
    The texts of a readout are [text at the start, widest text].
    """

    _esm = front_end.source(*front_end.FIGURE, "equations.js", "explorable.js")

    index3 = traitlets.Int(0).tag(sync=True)
    index4 = traitlets.Int(0).tag(sync=True)

    kind = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    width = traitlets.Int(SIDE).tag(sync=True)
    height = traitlets.Int(SIDE).tag(sync=True)
    on_white = traitlets.Bool(True).tag(sync=True)  # the still picture only: what moves has the page's own ink
    interval_ms = traitlets.Int(16).tag(sync=True)  # asks for 60 frames a second

    _picture: np.ndarray | None = None  # (H, W, 3), for the poster

    @classmethod
    def points(cls, mixture: GaussianMixture, *, title: str, alt: str, T: int = 1000, frames: int = 200, count: int = 2000,
               limit: float = 3.0, seed: int = 0, name: str | None = None) -> Explorable:
        """Points of a mixture in the plane that diffuse forward, and back under its exact score by DDIM or DDPM.

        The cosine schedule of T steps, shown at `frames` + 1 times; `count` points, drawn within ±limit. A second slider
        chooses the way, a third one scales the mixture's standard deviations.
        Raises ValueError for a mixture outside the plane and for counts or limits that make no picture.
        """
        if mixture.means.shape[1] != 2:
            raise ValueError(f"mixture: must lie in the plane, so means of shape (K, 2); given {tuple(mixture.means.shape)}")
        if not (1 <= frames <= T and 1 <= count <= 20_000 and limit > 0):
            raise ValueError(f"needs 1 ≤ frames ≤ T = {T}, 1 ≤ count ≤ 20000 and limit > 0; "
                             f"given frames={frames}, count={count}, limit={limit}")
        numbers = {"means": mixture.means.tolist(), "stds": mixture.stds.tolist(), "mix": mixture.mix.tolist()}
        axes = [Axis("t", [round(k * T / frames) for k in range(frames + 1)]),
                Axis("way", ["forward", "back, DDIM", "back, DDPM"]),
                Axis("spread", [f"{spread:g}×" for spread in SPREADS], start=SPREADS.index(1.0))]
        settings = {"mixture": numbers, "T": T, "count": count, "limit": limit, "seed": seed, "spreads": SPREADS}
        readouts = [["ᾱ_t", ["1.00", NUMBER]], ["λ_t", ["∞", NUMBER]]]  # at t = 0, where the figure starts
        picture = picture_of_points(mixture, count, limit, seed)
        return cls._made("points", settings, axes, readouts, picture, title=title, alt=alt, name=name)

    @classmethod
    def schedules(cls, *, title: str, alt: str, name: str | None = None) -> Explorable:
        """ᾱ_t and λ_t of the linear and the cosine schedule, with sliders for t/T, T, the last β and the cosine's offset.

        The readouts say when the linear one leaves more than √ᾱ_T = 0.02 of signal, which `linear` refuses.
        """
        axes = [Axis("t / T", [f"{part:.2f}" for part in FRACTIONS], start=50),
                Axis("T", LENGTHS, start=LENGTHS.index(1000)),
                Axis("last β of linear", BETAS, start=BETAS.index(0.02)),
                Axis("offset of cosine", OFFSETS, start=OFFSETS.index(0.008))]
        settings = {"fractions": FRACTIONS, "lengths": LENGTHS, "betas": BETAS, "offsets": OFFSETS, "limit": MAX_SIGNAL_LEFT,
                    "names": NAMES, "too_much": TOO_MUCH}
        tables = [linear(1000), cosine(1000)]  # with which the figure starts
        left, *middles = (f"{float(x):#.3g}" for x in (tables[0].signal[-1], *(table.alpha_bar[500] for table in tables)))
        readouts = [["linear ᾱ_t", [middles[0], NUMBER]], ["cosine ᾱ_t", [middles[1], NUMBER]],
                    ["linear √ᾱ_T", [left, VERDICT]]]
        picture = picture_of_schedules(tables, 500)
        return cls._made("schedules", settings, axes, readouts, picture, title=title, alt=alt, name=name)

    @classmethod
    def _made(cls, kind: str, settings: dict, axes: list[Axis], readouts: list, picture: np.ndarray, *,
              title: str, alt: str, name: str | None) -> Explorable:
        if not title or not alt:
            raise ValueError("title and alt: must not be empty; they are what a screen reader reads")
        widget = cls(kind=kind, settings=settings, title=title, alt=alt, axes=axis_state(axes), readouts=readouts,
                     name=name_from(title) if name is None else check_name(name),
                     **{trait: axis.start for trait, axis in zip(POSITIONS, axes, strict=False)})
        widget._picture = picture
        return widget

    def poster_png(self) -> bytes:
        """A still picture, for what cannot run the figure."""
        if self._picture is None:
            raise ValueError("make one with Explorable.points or Explorable.schedules")
        return encode_png(self._picture)

    def still_form(self) -> tuple[dict[str, str], dict]:
        """What the figure starts with, as a picture."""
        return {"image/png": base64.b64encode(self.poster_png()).decode()}, {"image/png": {"width": SIDE, "height": SIDE}}


def picture_of_points(mixture: GaussianMixture, count: int, limit: float, seed: int) -> np.ndarray:
    """The points at t = 0, uint8 (FINE·SIDE, FINE·SIDE, 3)."""
    rng = np.random.default_rng(seed)
    which = np.sort(rng.choice(len(mixture.mix), size=count, p=mixture.mix.numpy()))
    points = mixture.means.numpy()[which] + mixture.stds.numpy()[which, None] * rng.standard_normal((count, 2))
    return scatter(points, COLOURS[which % len(COLOURS)], size=FINE * SIDE, limit=limit, radius=2)


def picture_of_schedules(tables: list[Schedule], t: int) -> np.ndarray:
    """ᾱ_t above and λ_t below, as explorable.js draws them, uint8 (FINE·SIDE, FINE·SIDE, 3)."""
    figure = matplotlib.figure.Figure(figsize=(SIDE / 100, SIDE / 100), dpi=100 * FINE, layout="none")  # placed by hand below
    canvas = FigureCanvasAgg(figure)
    for bottom, name, ticks in ((0.555, "ᾱ", (0, 0.5, 1)), (0.055, "λ", (-10, 0, 10))):
        axes = figure.add_axes((0.11, bottom, 0.863, 0.418), xlim=(0, 1), ylim=(ticks[0], ticks[-1]))
        axes.set_xticks([0, 1], ["0", "t = T"], ha="right")
        axes.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
        axes.tick_params(length=0)
        axes.axhline(ticks[1], color="0.8", lw=1)
        axes.text(-0.11, 0.75, name, transform=axes.transAxes)
        for k, (table, label) in enumerate(zip(tables, NAMES, strict=True)):
            values = table.alpha_bar if name == "ᾱ" else table.log_snr.clamp(*ticks[::2])
            place = np.arange(table.T + 1) / table.T
            axes.plot(place, values, ["-", "--"][k], color=COLOURS[k] / 255, lw=2, label=label, clip_on=False)
            axes.plot(place[t], values[t], "o", color=COLOURS[k] / 255)
    figure.axes[0].legend(loc="upper right", frameon=False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
