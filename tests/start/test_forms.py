"""Forms as people see them: the manual's example as it is printed, and only the inputs that hostile HTML keeps."""

from __future__ import annotations

import pytest

from portcall.model.form import Form, Input
from portcall.start.forms import answer, inputs, remaining, sanitise

# "Starting Sessions", Creating a Custom Params Form, as the page prints it
PRINTED = """<div class=”form-group”>
  <label>My Custom Input</label>
  <input type=”text” class=”form-control” name=”myCustomInput” />
</div>
<div class=”form-group”>
  <select name=”minRam” class=”form-control”>
      <option value=”1″>1 GB</option>
      <option value=”2″>2 GB</option>
      <option value=”10″>10 GB</option>
  </select>
</div>"""


def test_the_example_that_is_printed_with_curly_quotes_makes_the_params_that_are_printed() -> None:
    form = Form("printed", "Printed", PRINTED)
    assert [item.name for item in inputs(form.html)] == ["myCustomInput", "minRam"]
    assert 'class="form-control"' in sanitise(form.html)
    given = {"myCustomInput": "hello", "minRam": "1"}
    assert answer([form], given) == given
    typed = Form("typed", "Typed", PRINTED.replace("<select", "<select data-type=”number”"))
    assert answer([typed], given) == {"myCustomInput": "hello", "minRam": 1}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('<p title="he said =“yes”">a =“b” c</p>', '<p title="he said =“yes”">a =“b” c</p>'),
        ("<p title='=‘x’'>it’s</p>", '<p title="=‘x’">it’s</p>'),
        ("<p title=‘two words’>x</p>", '<p title="two words">x</p>'),
        ("<p title=“it’s” id=”b”>x</p>", '<p title="it’s" id="b">x</p>'),
        ("<p title=”left open>x</p>", '<p title="”left">x</p>'),
        ('<p title=”" onclick=”alert(1)”>x</p>', None),
    ],
)
def test_only_quotes_around_a_value_are_made_straight(written: str, kept: str | None) -> None:
    safe = sanitise(written)
    assert "onclick" not in safe
    assert kept is None or safe == kept


@pytest.mark.parametrize(
    "around",
    [
        "<template>{}</template>", "<script>{}</script>", "<style>{}</style>", "<!-- {} -->",
        "<textarea name='t'>{}</textarea>",
    ],
)  # fmt: skip
def test_an_input_that_nobody_sees_is_not_waited_for(around: str) -> None:
    form = Form("f", "F", around.format("<input name='unseen' required>"))
    assert "unseen" not in [item.name for item in inputs(form.html)]
    assert remaining([form], {"t": ""}, ["f"]) == []


def test_an_input_keeps_its_kind_name_and_label() -> None:
    (item,) = inputs("<label for=n>How many</label><input id=n name=count type=number data-type=number required>")
    assert item == Input("count", "number", "number", True, "How many")
