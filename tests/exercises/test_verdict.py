"""What a check says: one sentence, escaped where it is shown as HTML."""

from diffusion_utils.exercises.verdict import Verdict, verdict


def test_a_verdict_is_a_sentence(capsys) -> None:
    verdict(1)
    verdict(2, "0 < 1")
    assert capsys.readouterr().out.splitlines() == ["Exercise 1 passes.", "Exercise 2: not yet, 0 < 1."]
    assert Verdict("0 < 1")._repr_html_() == '<p class="verdict">0 &lt; 1</p>'
