"""Tables of Markdown, repaired: a head without text is none, and below it stand the heads of the rows."""

from page_polish.accessible import repair

TABLE = """<table class="table"><thead>
<tr class="row-odd"><th class="head"><p>{}</p></th>
<th class="head"><p>for</p></th></tr></thead>
<tbody><tr class="row-even"><td><p>a row</p></td>
<td><p>yes</p></td></tr></tbody></table>"""


def test_below_a_head_without_text_stand_the_heads_of_the_rows():
    repaired = repair(TABLE.format(""))
    assert '<tr class="row-odd"><td></td>' in repaired and '<th class="head"><p>for</p></th>' in repaired
    assert '<tr class="row-even"><th scope="row"><p>a row</p></th>' in repaired and "<td><p>yes</p></td>" in repaired
    assert repair(repaired) == repaired


def test_a_table_with_all_its_heads_stays_as_it_is():
    assert repair(TABLE.format("part")) == TABLE.format("part")
