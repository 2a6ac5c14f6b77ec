"""The three clocks of a measurement: loading, silence, and the whole."""

import time
from collections.abc import Callable

from advisor.engines.protocol import MeasurePlan
from advisor.errors import EngineError


class Deadlines:
    """Started when the engine is. `loaded` and `heard` move it on; `check` raises EngineError when one has passed."""

    def __init__(self, plan: MeasurePlan, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._clock = clock
        self._started = self._heard = clock()
        self._is_loaded = False

    def heard(self) -> None:
        """The engine said something."""
        self._heard = self._clock()

    def loaded(self) -> None:
        """The model is in memory: silence counts from here."""
        self._is_loaded = True
        self.heard()

    def check(self, *, samples: int) -> bool:
        """True when time is up and the `samples` so far must do. Raises EngineError where there is nothing to show."""
        now, plan = self._clock(), self._plan
        if not self._is_loaded:
            if now - self._started > plan.load_limit_s:
                raise EngineError(f"loading took more than {plan.load_limit_s:.0f} s")
            return False
        if now - self._heard > plan.silence_timeout_s:
            raise EngineError(f"the engine was silent for {plan.silence_timeout_s:.0f} s")
        if now - self._started <= plan.total_timeout_s:
            return False
        if samples == 0:
            raise EngineError(
                f"no run ended within {plan.total_timeout_s:.0f} s",
                hint="ask for fewer tokens: --prompt-tokens 128 --output-tokens 8",
            )
        return True
