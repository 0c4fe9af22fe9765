"""SoundScrubber on the Python side: what it takes, what it sends, how loud all is, and the picture that stands still."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile
from sounds import LENGTH, MARKS, NOISES, PITCHES, SCHEDULE, TONES, T, dissolving, tones

from diffusion_utils.data.speech import speech_data
from diffusion_utils.data.speech.files import shipped
from diffusion_utils.schedules import cosine
from diffusion_utils.sound import RATE, active_rms
from diffusion_utils.widgets import Axis, SoundScrubber
from diffusion_utils.widgets.sound_still import (
    COLUMNS,
    FINE,
    GROUND,
    HEIGHT,
    MARKED,
    PEAK,
    RMS,
    SPECTRUM,
    WIDTH,
    sound_picture,
    spectrum_levels,
    wave_of,
)
from diffusion_utils.widgets.still import still_html


def wave(widget, *place):
    """What is heard at a place of the sliders."""
    return wave_of(widget.settings, widget.sounds, int(np.ravel_multi_index(place, [len(a["values"]) for a in widget.axes])))


@pytest.mark.parametrize(("bits", "close"), [(8, 0.015), (16, 1e-4)])
def test_all_is_equally_loud_and_else_as_it_was(bits, close):
    widget = tones(bits=bits)
    for i in range(3):
        for j in range(2):
            heard, wanted = wave(widget, i, j), TONES[i, j] / TONES[i, j].std()
            assert float(active_rms(torch.from_numpy(heard))) == pytest.approx(RMS, rel=0.01)
            share = heard @ wanted / (wanted @ wanted)
            np.testing.assert_allclose(heard, share * wanted, atol=close * heard.max())
    assert len(widget.sounds) == 6 * LENGTH * bits // 8


def test_a_sound_of_many_places_is_kept_once():
    widget = tones(waves=np.repeat(TONES[:, :1], 2, axis=1))
    assert len(widget.sounds) == 3 * LENGTH
    np.testing.assert_array_equal(wave(widget, 1, 0), wave(widget, 1, 1))


def test_a_mixture_is_that_of_every_t():
    widget = dissolving()
    for t, word, kind in ((0, 2, 0), (10, 1, 1), (27, 0, 0), (T, 1, 0)):
        wanted = float(SCHEDULE.signal[t]) * TONES[word, 1] + float(SCHEDULE.noise[t]) * NOISES[kind]
        heard = wave(widget, t, word, kind)
        np.testing.assert_allclose(heard, wanted * (heard @ wanted) / (wanted @ wanted), atol=2e-4)
    assert len(widget.sounds) == 2 * 5 * LENGTH


def test_no_peak_is_cut():
    click = np.zeros((2, LENGTH))
    click[:, 100] = click[0, 900] = 1
    widget = tones(waves=click, axes=[Axis("t", [0, 1])], marks=None, readouts=None, captions=None)
    assert np.abs(wave(widget, 0)).max() == pytest.approx(PEAK, rel=0.01)


def test_a_tone_stands_at_its_height_and_at_its_time():
    levels = spectrum_levels(wave(tones(bits=16), 1, 1))
    assert levels.shape == (128, COLUMNS)
    row = 127 - round(PITCHES[1] / (RATE / 256))
    late = levels[:, COLUMNS // 2:]
    assert (late.argmax(0) == row).all()
    # a sine of mean square 1: |X|² = (256/2)²·2/4 under a Hann window, over 256·3/8·128. Its first frames are half silent.
    assert late[row].mean() == pytest.approx(10 * np.log10(2 / 3), abs=0.7)
    assert levels[row, COLUMNS // 8] < -50  # before 0.1 s of 0.38 s there is silence


def test_the_picture_has_the_spectrum_above_the_wave_below_and_what_is_marked():
    widget = tones()
    still, about = widget.still_form()
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(still["image/png"]))))
    assert picture.shape == (FINE * HEIGHT, FINE * WIDTH, 3) and about["image/png"] == {"width": WIDTH, "height": HEIGHT}
    place = MARKS[1][1][0] * FINE * WIDTH // LENGTH
    assert (np.abs(picture[5 * FINE, place - 1:place + 2].astype(int) - MARKED).sum(1) < 30).any()
    row = round((1 - PITCHES[1] / (RATE / 2)) * FINE * SPECTRUM)
    assert picture[row, 600].sum() > 500 and picture[row - 30 * FINE, 600].sum() < 120  # bright at the tone, dark beside it
    below = picture[FINE * (SPECTRUM + 2):, 500]
    assert (below.sum(1) > 300).sum() > 20 and tuple(below[-1]) == GROUND
    unmarked = sound_picture(wave_of(widget.settings, widget.sounds, 0), (0, 0), RATE)
    assert not (np.abs(unmarked.astype(int) - MARKED).sum(2) == 0).any()


def test_without_scripts_there_is_a_player_with_the_sound_of_the_start_and_its_numbers():
    widget = tones()
    html = still_html(widget.get_state(), "<img>")
    address = html.split('src="data:audio/wav;base64,')[1].split('"')[0]
    rate, samples = wavfile.read(io.BytesIO(base64.b64decode(address)))
    assert rate == RATE and len(samples) == LENGTH
    np.testing.assert_allclose((samples - 128.0) / 127, wave(widget, 1, 1), atol=0.005)
    assert ">3</dd>" in html and ">1.1 dB</dd>" in html  # one of them is told of the first slider alone


def test_it_is_light():
    """Of spoken digits: three words and two noises at every t; and 48 sounds of 8 bits. Under half a megabyte each."""
    words = speech_data(shipped(), range(60), "sample").waves.numpy()
    T = 1000
    mixed = SoundScrubber.mixed(words[:3], words[3:5], cosine(T), title="a", alt="a", readouts={"λ_t": ["−12.3 dB"] * (T + 1)},
                                axes=[Axis("t", list(range(T + 1))), Axis("word", list("abc")), Axis("noise", list("de"))])
    many = SoundScrubber.from_waves(words[:48].reshape(12, 4, -1), title="b", alt="b",
                                    axes=[Axis("t", list(range(12))), Axis("word", list("abcd"))])
    for widget in (mixed, many):
        assert widget.state_bytes() - len(widget._esm) - len(widget._css) < 500_000


@pytest.mark.parametrize(("options", "message"), [
    ({"waves": TONES[:2]}, r"waves: must be 3 x 2 waves of at least 256 samples; given \(2, 2, 3072\)"),
    ({"waves": TONES[..., :200]}, "of at least 256 samples"),
    ({"waves": TONES * np.nan}, "waves: every number must be finite"),
    ({"marks": [[(0, 4000)] * 2] * 3}, "0 ≤ start ≤ stop ≤ 3072"),
    ({"marks": [(0, 1)] * 3}, r"given shape \(3, 2\)"),
    ({"bits": 12}, "bits: must be 8 or 16; given 12"),
    ({"alt": ""}, "alt: must not be empty"),
    ({"readouts": {"level": ["1", "2"]}}, "one text a frame"),
])
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        tones(**options)


def test_a_mixture_needs_axes_of_its_own():
    with pytest.raises(ValueError, match="axes: must have 41 x 3 x 2 values, of t, waves and noises; given 40 x 3 x 2"):
        dissolving(axes=[Axis("t", list(range(T))), Axis("tone", list("abc")), Axis("noise", list("ab"))], readouts=None)
    with pytest.raises(ValueError, match="make one with SoundScrubber.from_waves"):
        type(tones())().still_form()
