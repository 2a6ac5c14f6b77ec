"""What workers tell: not more often than a person reads, and stopped at the next word."""

import threading

import pytest

from advisor.tui.messages import Transferred
from advisor.tui.session import BenchSample, Cancelled
from advisor.tui.transfer import Progress
from advisor.tui.watches import PostingBenchWatch, PostingTransferWatch


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_floods_are_thinned_and_ends_always_told():
    posted, clock = [], Clock()
    watch = PostingTransferWatch(posted.append, threading.Event(), clock)
    watch.start("a.gguf", 1000, 0)
    for i in range(1, 1001):
        clock.now += 0.001
        watch.advance(i)
    watch.verify(1000, 1000)
    watch.finish("a.gguf")
    assert 10 <= len(posted) <= 15
    assert [m.phase for m in posted][-3:] == ["fetching", "verifying", "verified"]
    assert posted[-3].done_bytes == 1000


@pytest.mark.parametrize(
    "tell",
    [
        lambda w: w.start("a", 1, 0),
        lambda w: w.advance(1),
        lambda w: w.verify(1, 1),
        lambda w: w.finish("a"),
        lambda w: w.note("x"),
    ],
)
def test_every_word_of_a_stopped_download_raises(tell):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        tell(PostingTransferWatch(lambda _message: None, stop))


def test_a_stopped_benchmark_raises():
    stop = threading.Event()
    watch = PostingBenchWatch(lambda _message: None, stop)
    watch.note("loading")
    stop.set()
    with pytest.raises(Cancelled):
        watch.sample(BenchSample(run=1, ttft_s=1.0, prefill_tokens_per_s=1.0, decode_tokens_per_s=1.0))


def test_only_messages_of_one_file_and_phase_replace_each_other():
    first, later = (Transferred("a", "fetching", n, 10, 0.0) for n in (1, 2))
    assert first.can_replace(later)
    assert not first.can_replace(Transferred("b", "fetching", 1, 10, 0.0))
    assert not first.can_replace(Transferred("a", "verified", 10, 10, 0.0))


def test_the_rate_is_that_of_the_last_seconds():
    progress = Progress()
    assert progress.rate_bytes_per_s is None
    for second in range(20):
        progress.take(
            Transferred("a", "fetching", 100 * second if second < 10 else 1000 + 500 * (second - 10), 10**6, second)
        )
    assert progress.rate_bytes_per_s == pytest.approx(500)
