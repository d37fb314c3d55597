"""What engines call while they generate: ids and scores in, marked scores out.

Two ways in, for two kinds of engine::

    Processor   the engine hands over everything at every step, as llama-cpp-python and
                transformers do:   processor(ids [L], scores [V]) -> scores [V]
                                   processor(ids [B, L], scores [B, V]) -> scores [B, V]

    Batch       the engine says what happens, as those with continuous batching know it:
                join(7, prompt)   step([(7, None), (9, 481)], scores [2, V])   leave(7)

Both keep one `Request` for every row and give it every token exactly once. All schemes count on
that: a token that was missed or given twice leaves a text that is marked in the wrong places, and
nobody notices before detection. So whatever does not fit is refused, never guessed at.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.marking.text.scheme import Ids, Scores, checked_ids, checked_scores
from waarmerk.marking.text.warp import Warp

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import Request, TextScheme

__all__ = ["Batch", "Processor"]

SPARE_IDS = 256
"""Room for so many more tokens is made when the ids that were seen outgrow theirs."""


class Processor:
    """Marks one generation, of one text or of a batch of rows that grow together.

    The ids of the first call are the prompt. Every later call brings the same ids and one more in
    each row. The same ids once more, as from an engine that evaluates again, give the same answer
    once more and change nothing: a token is drawn only once, so it is marked only once, and scores
    that came out a little different the second time do not matter.

    A processor is for one generation: make another for the next text, or call `reset`. It belongs
    to one thread. Rows padded on the left are fine; the padding counts as part of the prompt.

    Some engines print an error of what they call and go on without it, so that a text ends unmarked
    that was to be marked; llama-cpp-python is one of them. Call `check` when such a one is done.

    Parameters
    ----------
    scheme
        What marks the tokens.
    temperature, top_k, top_p
        What is done to the scores before; see `Warp`. Leave them alone where the engine has done it
        already, and switch the engine's own off where it would do it afterwards.

    Raises
    ------
    InputError
        If one of the numbers is out of range.

    Notes
    -----
    Scores are left as they are. What is allocated at a step is the array that is returned, and what
    warp and scheme need for the candidates they leave; the answer is written to an array of the
    processor and copied from there, so that an engine may change what it got. Ids are copied once,
    when they are new.
    """

    def __init__(
        self, scheme: TextScheme, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
    ) -> None:
        self.scheme = scheme
        self.warp = Warp(temperature, top_k, top_p)
        self.reset()

    def __repr__(self) -> str:
        return f"Processor({self.scheme.name}, {self.warp}, step {self.steps})"

    @property
    def steps(self) -> int:
        """How many tokens were marked so far in every row, counting the one that comes next."""
        return 0 if not self._requests else self._length - self._rows_given + 1

    def reset(self) -> None:
        """Forget everything, to begin another text."""
        self._requests: list[Request] = []
        self._ids: Ids = np.zeros((0, 0), np.int64)
        self._answers: Scores = np.zeros((0, 0), np.float32)
        self._room: Scores = np.zeros(0, np.float32)
        self._length = self._rows_given = 0
        self._complete = True
        self._error: InputError | None = None

    def check(self) -> None:
        """Raise what the last call raised, if the engine kept it to itself.

        Raises
        ------
        InputError
            If the last call failed, or there was none. From some token on, the text has no mark.
        """
        if self._error is not None:
            raise InputError(
                f"this text is marked up to token {self.steps} at most: {self._error}"
            ) from self._error
        if not self._complete:
            raise InputError("a step broke off with an error; this text is not marked to its end")
        if not self._requests:
            raise InputError("the engine never called this processor, so nothing is marked")

    def __call__(self, ids: Any, scores: Any) -> Scores:
        """Mark the distribution of the next token.

        Parameters
        ----------
        ids
            int [L], or [B, L]: the prompt and all tokens since.
        scores
            float [V], or [B, V]: logits or log-probabilities of the token after them; -inf for what
            was ruled out.

        Returns
        -------
        float32 [V], or [B, V]
            The scores to draw from; -inf for what was ruled out, by the engine or by the warp.

        Raises
        ------
        InputError
            If ids or scores cannot be used, or the ids are not those of the last call and one more
            in every row; nothing was changed then, and the right ids are still welcome.
        """
        try:
            self._take(*_rows(ids, scores))
        except InputError as error:
            self._error = error
            raise
        self._error = None
        answers = self._answers.copy()
        return answers[0] if np.ndim(ids) == 1 else answers

    def _take(self, table: NDArray[Any], row_scores: NDArray[Any]) -> None:
        """Go on to ids [B, L], and mark scores [B, V], if they are new."""
        is_new = self._admitted(table)
        checked = [checked_scores(row) for row in row_scores]
        if self._answers.size and checked[0].size != self._answers.shape[1]:
            raise InputError(
                f"{checked[0].size} scores after {self._answers.shape[1]} for the token before; "
                "all steps of a text have the same vocabulary"
            )
        if is_new:
            self._advance(table, checked)

    def _admitted(self, table: NDArray[Any]) -> bool:
        """Say whether ids [B, L] are new, or the same again; raise if they are neither."""
        if not self._requests:
            for row in table:
                checked_ids(row)
            return True
        if not self._complete:
            raise InputError(
                "an earlier step of this processor broke off with an error, so the rows are not at "
                "the same token any more; begin the text again with a new processor"
            )
        count, length = len(self._requests), self._length
        same = table.shape[0] == count and 0 <= table.shape[1] - length <= 1
        if same and np.array_equal(table[:, :length], self._ids[:, :length]):
            if table.shape[1] == length:
                return False
            checked_ids(table[:, length], name="the new tokens")
            return True
        for row in table:  # Placeholders for tokens not known yet have a message of their own.
            checked_ids(row)
        raise InputError(
            f"ids of shape {table.shape} do not continue the {count} x {length} ids of the last "
            "step by one token in every row; a processor marks one generation, so use a new one "
            "for another text (or reset()), and switch off what takes tokens back or mixes rows: "
            "beam search (num_beams above 1), speculative and assisted decoding"
        )

    def _advance(self, table: NDArray[Any], scores: list[Scores]) -> None:
        """Take note of new ids [B, L], and mark the scores of every row."""
        rows, length = table.shape
        self._complete = False
        if not self._requests:
            self._requests = [self.scheme.request(checked_ids(row)) for row in table]
            self._answers = np.empty((rows, scores[0].size), np.float32)
            self._room = np.empty(scores[0].size, np.float32)
            self._rows_given = length
        else:
            for request, token in zip(self._requests, table[:, -1], strict=True):
                request.append(int(token))
        if len(self._ids) != rows or length > self._ids.shape[1]:
            self._ids = np.empty((rows, length + max(SPARE_IDS, length // 2)), np.int64)
            self._ids[:, :length] = table
        else:
            self._ids[:, length - 1] = table[:, -1]
        self._length = length
        for request, given, answer in zip(self._requests, scores, self._answers, strict=True):
            _mark(request, self.warp, given, answer, self._room)
        self._complete = True


@dataclass(slots=True)
class _Member:
    """A text of a `Batch`."""

    request: Request
    warp: Warp
    begun: bool = False
    complete: bool = True


class Batch:
    """Marks many texts in an engine that lets them join and leave while others go on.

    At a step, what is allocated is the array that is returned, and what warp and scheme need for
    the candidates they leave.

    Parameters
    ----------
    scheme
        What marks the tokens of all texts.
    temperature, top_k, top_p
        What is done to the scores before, unless a text brings its own; see `Warp`.

    Raises
    ------
    InputError
        If one of the numbers is out of range.

    Examples
    --------
    ::

        batch = Batch(scheme, temperature=0.8)
        batch.join("a", [5, 9, 2])
        marked = batch.step([("a", None)], scores)     # scores [1, V]; token 17 is drawn
        batch.join("b", [4])
        marked = batch.step([("b", None), ("a", 17)], scores)              # scores [2, V]
        batch.leave("a")

    """

    __slots__ = ("_members", "_room", "scheme", "warp")

    def __init__(
        self, scheme: TextScheme, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
    ) -> None:
        self.scheme = scheme
        self.warp = Warp(temperature, top_k, top_p)
        self._members: dict[Hashable, _Member] = {}
        self._room: Scores = np.zeros(0, np.float32)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, request_id: Hashable) -> bool:
        return request_id in self._members

    def join(
        self, request_id: Hashable, prompt: Sequence[int] | Ids = (), warp: Warp | None = None
    ) -> None:
        """Begin a text.

        Parameters
        ----------
        request_id
            What later calls name it by; free again once it has left.
        prompt
            int [n], the ids the text continues.
        warp
            What is done to the scores of this text; that of the batch, where it is not given.

        Raises
        ------
        InputError
            If there is such a text already, or the prompt holds no token ids.
        """
        if request_id in self._members:
            raise InputError(f"request {request_id!r} is in the batch already; let it leave first")
        request = self.scheme.request(checked_ids(prompt, name="the prompt"))
        self._members[request_id] = _Member(request, warp or self.warp)

    def leave(self, request_id: Hashable) -> None:
        """End a text.

        Raises InputError if there is no such text.
        """
        self._member(request_id)
        del self._members[request_id]

    def step(self, rows: Sequence[tuple[Hashable, int | None]], scores: Any) -> Scores:
        """Mark the distributions of the next tokens of some texts.

        Parameters
        ----------
        rows
            For every row of the scores the text, and the token that was drawn for it from its last
            step; None at its first step.
        scores
            float [rows, V]: logits or log-probabilities; -inf for what was ruled out.

        Returns
        -------
        float32 [rows, V]
            The scores to draw from; -inf for what was ruled out, by the engine or by the warp.

        Raises
        ------
        InputError
            If a text is unknown or named twice, a token is missing, too many or not known yet, or
            the scores cannot be used; nothing was changed then.
        """
        array = np.asarray(scores)
        if array.ndim != 2 or len(array) != len(rows):
            raise InputError(f"{len(rows)} texts need scores [{len(rows)}, V], not {array.shape}")
        if len({request_id for request_id, _ in rows}) != len(rows):
            raise InputError("a text is named twice in one step; it gets one token at a time")
        members = [self._admitted(request_id, token) for request_id, token in rows]
        checked = [checked_scores(row) for row in array]
        marked = np.empty(array.shape, np.float32)
        if self._room.size != array.shape[1]:
            self._room = np.empty(array.shape[1], np.float32)
        for member, (_, token), given, answer in zip(members, rows, checked, marked, strict=True):
            member.complete = False
            if token is not None:
                member.request.append(int(token))
            member.begun = True
            _mark(member.request, member.warp, given, answer, self._room)
            member.complete = True
        return marked

    def _member(self, request_id: Hashable) -> _Member:
        if request_id not in self._members:
            raise InputError(f"there is no request {request_id!r} in the batch; join comes first")
        return self._members[request_id]

    def _admitted(self, request_id: Hashable, token: int | None) -> _Member:
        """Return a text that may take a step with this token."""
        member = self._member(request_id)
        if not member.complete:
            raise InputError(
                f"the last step of request {request_id!r} broke off with an error; let it leave, "
                "and begin the text again"
            )
        if not member.begun and token is not None:
            raise InputError(
                f"request {request_id!r} has had no step, so no token was drawn for it; what comes "
                "before belongs to the prompt"
            )
        if member.begun:
            if token is None:
                raise InputError(
                    f"request {request_id!r} lacks the token drawn from its last step; wait until "
                    "it is known"
                )
            checked_ids([token], name=f"the token of request {request_id!r}")
        return member


def _rows(ids: Any, scores: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return ids as [B, L] and scores as [B, V], or say why they do not fit together."""
    try:
        table, score_table = np.asarray(ids), np.asarray(scores)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"ids or scores are no arrays of numbers: {error}") from error
    if table.ndim == score_table.ndim == 1:
        table, score_table = table[None], score_table[None]
    if table.ndim != 2 or score_table.ndim != 2 or len(table) != len(score_table):
        raise InputError(
            f"ids of shape {np.shape(ids)} and scores of shape {np.shape(scores)} do not fit "
            "together; give [L] and [V], or [B, L] and [B, V]"
        )
    if not len(table):
        raise InputError("there is no row to mark in an empty batch")
    return table, score_table


def _mark(request: Request, warp: Warp, scores: Scores, answer: Scores, room: Scores) -> None:
    """Write the marked scores of one row to `answer`; all are float32 [V]."""
    candidates, left = warp.apply(scores, room)
    if candidates is None:
        answer[:] = request.step(left)
    else:
        marked = request.step(left, candidates)
        answer.fill(-np.inf)
        answer[candidates] = marked
