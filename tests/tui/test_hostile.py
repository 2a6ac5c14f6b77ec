"""Foreign text is shown as it is: no markup, no crash, no control characters on the terminal."""

from dataclasses import replace

import pytest

from tests.tui import examples
from tests.tui.driving import press, running, screen_text
from tests.tui.examples import ExampleSession, recommendation

NASTY = ("[/x]名前$primary", "[@click=app.quit]a[/]\\[")


class Hostile(ExampleSession):
    def __init__(self, text):
        super().__init__(replace(examples.WORKSTATION, name=text, cpu=replace(examples.WORKSTATION.cpu, name=text)))
        self.text = text

    def recommend(self, request, machine):
        found = recommendation(request, machine)
        picks = tuple(
            replace(
                p,
                model=replace(p.model, name=self.text, licence=replace(p.model.licence, id=self.text)),
                why=(self.text,),
                evidence=tuple(replace(e, benchmark=self.text, source=self.text) for e in p.evidence),
            )
            for p in found.picks
        )
        misses = tuple(
            replace(m, model=replace(m.model, name=self.text), needs=tuple(replace(n, text=self.text) for n in m.needs))
            for m in found.near_misses
        )
        return replace(found, picks=picks, near_misses=misses)

    def tasks(self):
        return tuple(replace(t, title=self.text) for t in super().tasks())

    def devices(self):
        return tuple(replace(d, name=self.text) for d in super().devices())

    def offer(self, target):
        found = super().offer(target)
        files = tuple(replace(f, path=self.text) for f in found.files)
        return replace(found, repo=self.text, licence=self.text, notes=(self.text,), files=files)

    def bench(self, target, request, watch):
        watch.note(self.text)
        return replace(super().bench(target, request, watch), model=self.text, notes=(self.text,))


@pytest.mark.parametrize("text", NASTY)
async def test_every_screen_shows_hostile_text_as_text(text):
    async with running(Hostile(text), size=(80, 60)) as (app, pilot):
        assert text in screen_text(app)
        await press(app, pilot, "space", "down", "space", "c", "escape", "enter", "escape")
        await press(app, pilot, "end", "enter", "escape", "home", "s", "escape", "d", "y", "escape")
        await press(app, pilot, "b", "y", "escape", "f", "escape", "ctrl+p", "escape", "question_mark", "escape")
        assert app.screen is app.home
        assert app.is_running
