"""Marks inside `generate` of transformers, on a tiny model of random weights."""

import copy
import json

import numpy as np
import pytest

from tests.marking.text.test_process import Toy, expected
from waarmerk.errors import InputError
from waarmerk.marking.text.gumbel import Gumbel
from waarmerk.marking.text.kgw import KGW
from waarmerk.marking.text.synthid import SynthID
from waarmerk.marking.text.warp import Warp

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from waarmerk.marking.text.huggingface import (  # noqa: E402
    MarkingProcessor,
    generation_config,
    watermarking_config,
)

WIDTH = 500
PAD, EOS = 0, 1
KEYS = [654, 400, 836, 123, 340, 443, 597, 160, 57, -29, 2**63 - 1]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(4)
    config = transformers.GPT2Config(
        vocab_size=WIDTH,
        n_positions=256,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=EOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
        initializer_range=0.5,  # logits that differ as those of a trained model do
    )
    return transformers.GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="module")
def inputs():
    """Three prompts, of which two are padded on the left."""
    ids = torch.tensor([[7, 8, 9, 10, 11], [PAD, PAD, 3, 4, 5], [PAD, PAD, PAD, PAD, 2]])
    return {"input_ids": ids, "attention_mask": (ids != PAD).long()}


def run(model, inputs, seed=0, **settings):
    torch.manual_seed(seed)
    settings = {"max_new_tokens": 40, "return_dict_in_generate": True} | settings
    return model.generate(**inputs, **settings, output_scores=True)


def probabilities(result):
    return torch.softmax(torch.stack(result.scores), dim=-1).numpy()


@pytest.mark.parametrize(
    "warp", [{}, {"temperature": 0.7, "top_k": 30}, {"temperature": 1.3, "top_k": 0, "top_p": 0.8}]
)
@pytest.mark.parametrize("ngram_len", [2, 5])
def test_synthid_is_that_of_transformers(model, inputs, warp, ngram_len):
    theirs = transformers.SynthIDTextWatermarkingConfig(keys=KEYS, ngram_len=ngram_len)
    ours = watermarking_config(SynthID(KEYS, ngram_len=ngram_len))
    settings = {"do_sample": True, "top_k": 0} | warp
    a = run(model, inputs, watermarking_config=theirs, **settings)
    b = run(model, inputs, watermarking_config=ours, **settings)
    assert torch.equal(a.sequences, b.sequences)
    assert np.allclose(probabilities(a), probabilities(b), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("seeding", "width"), [("lefthash", 1), ("selfhash", 1), ("selfhash", 4)])
@pytest.mark.parametrize("do_sample", [True, False])
def test_kgw_is_that_of_transformers(model, inputs, seeding, width, do_sample):
    theirs = transformers.WatermarkingConfig(seeding_scheme=seeding, context_width=width)
    ours = watermarking_config(KGW(WIDTH, seeding=seeding, context_width=width))
    settings = {"do_sample": do_sample, "temperature": 0.8} if do_sample else {"do_sample": False}
    a = run(model, inputs, watermarking_config=theirs, **settings)
    b = run(model, inputs, watermarking_config=ours, **settings)
    assert torch.equal(a.sequences, b.sequences)
    assert all(map(torch.equal, a.scores, b.scores))


def test_gumbel_decides_every_token(model, inputs):
    config = generation_config(Gumbel(12345), top_k=0)
    a = run(model, inputs, seed=1, generation_config=config)
    b = run(model, inputs, seed=2, generation_config=config)
    # Where no context came again, chance had no part.
    assert (a.sequences == b.sequences).float().mean() > 0.9


@pytest.mark.parametrize(
    "numbers", [(0.7, 25, 1.0), (1.0, 0, 0.9), (1.4, 100, 0.7), (0.9, WIDTH + 1, 1.0)]
)
@pytest.mark.parametrize("ties", [False, True])
def test_the_warp_is_that_of_transformers(numbers, ties):
    logits = np.random.default_rng(0).standard_normal((40, WIDTH)).astype(np.float32) * 3
    if ties:
        logits = np.round(logits)
    temperature, top_k, top_p = numbers
    warpers = transformers.LogitsProcessorList([transformers.TemperatureLogitsWarper(temperature)])
    if top_k:
        warpers.append(transformers.TopKLogitsWarper(top_k))
    if top_p < 1:
        warpers.append(transformers.TopPLogitsWarper(top_p))
    theirs = warpers(None, torch.from_numpy(logits)).numpy()
    for row, wanted in zip(logits, theirs, strict=True):
        candidates, left = Warp(*numbers).apply(row)
        theirs_left = np.flatnonzero(wanted > -np.inf)
        assert np.array_equal(np.sort(left), np.sort(wanted[theirs_left]))
        # Which of equal scores top-p keeps, an unstable sort decides there.
        if not (ties and top_p < 1):
            assert np.array_equal(candidates, theirs_left)
            assert np.array_equal(left, wanted[candidates])


def test_the_mark_comes_after_everything_else(model, inputs):
    """What is returned as scores is what our request made of the warped logits."""
    warp = Warp(temperature=0.7, top_k=30)
    result = run(
        model,
        inputs,
        generation_config=generation_config(Toy(), temperature=0.7, top_k=30),
        output_logits=True,
        repetition_penalty=1.0,
    )
    ids = result.sequences.numpy()
    length = inputs["input_ids"].shape[1]
    logits = torch.stack(result.logits, dim=1).numpy()
    scores = torch.stack(result.scores, dim=1).numpy()
    for row in range(3):
        # The toy sees -inf where our own warp hands it candidates; it marks both alike.
        wanted = expected(ids[row, :length], ids[row, length:], logits[row], warp)
        assert np.array_equal(scores[row], np.array(wanted))


def test_many_texts_of_one_prompt_are_rows_of_their_own(model, inputs):
    one = {name: value[:1] for name, value in inputs.items()}
    rows = run(model, one, generation_config=generation_config(Toy(), num_return_sequences=3))
    assert len({tuple(row.tolist()) for row in rows.sequences}) == 3


def test_a_config_serves_any_number_of_calls(model, inputs):
    for config in (
        {"generation_config": generation_config(Toy())},
        {"watermarking_config": watermarking_config(Toy()), "do_sample": True},
    ):
        a = run(model, inputs, **config)
        b = run(model, inputs, **config)
        assert torch.equal(a.sequences, b.sequences)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_keep_their_type(dtype):
    processor = MarkingProcessor(Toy())
    ids = torch.tensor([[1, 2], [3, 4]], dtype=torch.int32)
    scores = torch.randn(2, WIDTH).to(dtype)
    before = scores.clone()
    marked = processor(ids, scores)
    assert marked.dtype == dtype
    assert marked.shape == scores.shape
    assert torch.equal(scores, before)
    assert not torch.equal(marked, scores)


@pytest.mark.parametrize("do_sample", [True, False])
def test_beams_are_refused(model, inputs, do_sample):
    with pytest.raises(InputError, match="beam"):
        run(model, inputs, generation_config=generation_config(Toy()), num_beams=3)
    with pytest.raises(InputError, match="beam"):
        generation_config(Toy(), num_beams=3, do_sample=do_sample)
    # Here the processor has to notice.
    config = watermarking_config(Toy())
    with pytest.raises(InputError, match="beam search"):
        run(model, inputs, watermarking_config=config, num_beams=3, do_sample=do_sample)


def test_assisted_decoding_is_refused(model, inputs):
    one = {name: value[:1] for name, value in inputs.items()}
    config = generation_config(Toy())
    with pytest.raises(InputError, match="assist"):
        run(model, one, generation_config=config, assistant_model=model)
    with pytest.raises(InputError, match="assist"):
        generation_config(Toy(), prompt_lookup_num_tokens=3)
    with pytest.raises(InputError, match="assisted"):
        run(
            model,
            one,
            watermarking_config=watermarking_config(Toy()),
            assistant_model=model,
            do_sample=True,
        )


def test_greedy_decoding_is_refused_where_it_is_not_marked(model, inputs):
    with pytest.raises(InputError, match="do_sample=True"):
        generation_config(Toy(), do_sample=False)
    with pytest.raises(InputError, match="do_sample=True"):
        run(model, inputs, generation_config=generation_config(Toy()), do_sample=False)
    favours = Toy()
    favours.name = "kgw.toy"
    run(model, inputs, generation_config=generation_config(favours, do_sample=False))


def test_a_mark_is_not_replaced_unnoticed(model, inputs):
    with pytest.raises(InputError, match="replaced"):
        run(model, inputs, generation_config=generation_config(Toy()), watermarking_config=None)


def test_another_vocabulary_is_refused(model, inputs):
    other = Toy()
    other.vocab_size = WIDTH + 12
    with pytest.raises(InputError, match="vocab_size=500"):
        run(model, inputs, generation_config=generation_config(other))


class Secretive(Toy):
    def parameters(self):
        return {"depth": 3}

    def secrets(self):
        return {"keys": [987654321]}


def test_keys_are_neither_printed_nor_saved(tmp_path):
    scheme = Secretive()
    scheme.keys = [987654321]
    marking = watermarking_config(scheme)
    whole = generation_config(scheme, max_new_tokens=5)
    path = tmp_path / "marking.json"
    marking.to_json_file(path)
    whole.save_pretrained(tmp_path)
    texts = [repr(marking), str(dict(marking)), path.read_text(), repr(whole)]
    texts.append((tmp_path / "generation_config.json").read_text())
    for text in texts:
        assert "987654321" not in text
        assert "depth" in text
    assert json.loads(texts[2]) == {"scheme": "toy", "key_id": None, "parameters": {"depth": 3}}
    with pytest.raises(InputError, match="does not hold the keys"):
        type(marking).from_dict(marking.to_dict())


def test_copies_share_the_scheme():
    scheme = Toy()
    assert copy.deepcopy(generation_config(scheme)).watermarking_config.scheme is scheme
