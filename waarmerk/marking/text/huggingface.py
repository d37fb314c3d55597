"""Marking inside `generate` of transformers; needs torch and transformers, `waarmerk[hf]`.

What is marked is the distribution tokens are drawn from, so the mark comes after the warpers. A
processor in the list that `generate` takes as `logits_processor` comes before them; only what a
watermarking configuration makes comes after::

    model.generate(**inputs, generation_config=generation_config(scheme, max_new_tokens=300))
    model.generate(**inputs, watermarking_config=watermarking_config(scheme), do_sample=True)

    logits -> penalties -> logits_processor=... -> temperature, top-k, top-p, ... -> the mark

Both lines mark alike. The first also refuses, before anything is generated, what cannot be marked.
The second cannot see what else was asked for: beam search and assisted decoding are refused at the
first token that does not continue its row, and greedy decoding is not noticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from waarmerk.errors import InputError
from waarmerk.marking.text.process import Processor

try:
    import torch  # type: ignore[import-not-found, unused-ignore]
    from transformers import (  # type: ignore[import-not-found, unused-ignore]
        GenerationConfig,
        LogitsProcessor,
    )
    from transformers.generation.configuration_utils import (  # type: ignore[import-not-found, unused-ignore]
        BaseWatermarkingConfig,
        GenerationMode,
    )
except ImportError as error:
    raise ImportError(
        f"marking in transformers needs torch and transformers ({error}); "
        "pip install 'waarmerk[hf]'"
    ) from error

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

__all__ = [
    "MarkedGenerationConfig",
    "MarkingConfig",
    "MarkingProcessor",
    "generation_config",
    "watermarking_config",
]

MARKED_GREEDILY = ("kgw",)
"""Families that favour tokens, and so mark the highest score as well; others mark only a draw."""


def watermarking_config(scheme: TextScheme) -> MarkingConfig:
    """Return what `generate` takes as `watermarking_config`, to mark with a scheme.

    It holds no state and serves any number of calls. Give it with ``do_sample=True``, and without
    beams; `generation_config` checks that.
    """
    return MarkingConfig(scheme)


def generation_config(scheme: TextScheme, **settings: Any) -> MarkedGenerationConfig:
    """Return what `generate` takes as `generation_config`, to mark with a scheme.

    Parameters
    ----------
    scheme
        What marks the tokens.
    settings
        What a `GenerationConfig` takes. Tokens are sampled (``do_sample``) without beams unless
        they say otherwise; what they leave open is filled in from the model, as always.

    Raises
    ------
    InputError
        Here and in `generate`, if what is asked for cannot be marked: more than one beam, assisted
        decoding, or greedy decoding with a scheme that marks a draw.
    """
    settings = {"do_sample": True, "num_beams": 1} | settings
    marking = MarkingConfig(scheme)
    return MarkedGenerationConfig(  # type: ignore[no-untyped-call, unused-ignore]
        watermarking_config=marking, **settings
    )


class MarkingProcessor(LogitsProcessor):  # type: ignore[misc, unused-ignore]
    """A `Processor` for tensors, for one call of `generate`.

    Parameters
    ----------
    scheme
        What marks the tokens.
    """

    def __init__(self, scheme: TextScheme) -> None:
        self.processor = Processor(scheme)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Mark the distributions of the next tokens.

        Parameters
        ----------
        input_ids
            int64 [B, L], on any device: prompts, padded on the left, and all tokens since.
        scores
            float [B, V] of any width, on any device. Copied to the processor's memory as float32.

        Returns
        -------
        float [B, V]
            The marked scores, of the same type and on the same device as those given.

        Raises
        ------
        InputError
            As `Processor` does, for instance for beam search.
        """
        ids = input_ids.detach().cpu().numpy()
        given = scores.detach().to("cpu", torch.float32).numpy()
        marked = torch.from_numpy(self.processor(ids, given))
        return marked.to(scores.device, scores.dtype)


class MarkingConfig(BaseWatermarkingConfig):  # type: ignore[misc, unused-ignore]
    """A watermarking configuration of transformers that marks with a scheme.

    What transformers prints and saves of it holds what is public of the scheme, never its keys; so
    it cannot be loaded again either.

    Parameters
    ----------
    scheme
        What marks the tokens.
    """

    def __init__(self, scheme: TextScheme) -> None:
        self.scheme = scheme

    def validate(self) -> None:
        """Do nothing: a scheme was validated when it was made."""

    def construct_processor(self, vocab_size: int, device: Any = None) -> MarkingProcessor:
        """Return the processor for one call of `generate`.

        Parameters
        ----------
        vocab_size
            The width of the model's logits.
        device
            Where the model is; marking takes place on the CPU.

        Raises
        ------
        InputError
            If the scheme is for a vocabulary of another width.
        """
        expected = getattr(self.scheme, "vocab_size", vocab_size)
        if expected != vocab_size:
            raise InputError(
                f"{self.scheme.name} is for a vocabulary of {expected}, but this model's logits "
                f"are {vocab_size} wide; make it with vocab_size={vocab_size}"
            )
        return MarkingProcessor(self.scheme)

    def to_dict(self) -> dict[str, Any]:
        """Return what is public of the scheme, JSON-ready."""
        return {
            "scheme": self.scheme.name,
            "key_id": self.scheme.key_id,
            "parameters": self.scheme.parameters(),
        }

    def to_json_string(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield from self.to_dict().items()

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def __deepcopy__(self, memo: dict[int, Any]) -> MarkingConfig:
        # `generate` copies its settings, deeply, at every call; a scheme is immutable, and large.
        return self

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> NoReturn:
        """Refuse: what transformers saves has no keys.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            "a saved generation config does not hold the keys of a mark; make the scheme from its "
            "key file, and give it to watermarking_config()"
        )


class MarkedGenerationConfig(GenerationConfig):  # type: ignore[misc, unused-ignore]
    """A generation configuration that refuses what cannot be marked; see `generation_config`."""

    def validate(self, *arguments: Any, **named: Any) -> None:
        """Check the settings; transformers calls it after every change of them.

        Raises
        ------
        InputError
            If they cannot be marked.
        ValueError
            If transformers does not accept them.
        """
        super().validate(*arguments, **named)
        if not isinstance(self.watermarking_config, MarkingConfig):
            raise InputError(
                "this generation config marks, but its watermarking_config was replaced; use a "
                "GenerationConfig of transformers for text without the mark"
            )
        self.get_generation_mode()

    def get_generation_mode(self, assistant_model: Any = None) -> GenerationMode:
        """Return how tokens are to be chosen; `generate` asks before it begins.

        Raises
        ------
        InputError
            If that way cannot be marked.
        """
        mode = super().get_generation_mode(assistant_model)
        name = self.watermarking_config.scheme.name
        if mode == GenerationMode.SAMPLE:
            return mode
        if mode != GenerationMode.GREEDY_SEARCH:
            raise InputError(
                f"{mode.value.replace('_', ' ')} cannot be marked with {name}, as it takes tokens "
                "back or draws them elsewhere; use do_sample=True, num_beams=1 and no assistant"
            )
        if name.split(".")[0] not in MARKED_GREEDILY:
            raise InputError(
                f"greedy decoding (do_sample=False) cannot be marked with {name}, which marks the "
                "way tokens are drawn; use do_sample=True"
            )
        return mode
