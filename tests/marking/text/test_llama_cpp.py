"""A processor works in llama-cpp-python as it is, on a tiny model of random weights."""

import numpy as np
import pytest

from tests.marking.text.test_process import Toy, expected
from waarmerk.errors import InputError
from waarmerk.marking.text.process import Processor
from waarmerk.marking.text.synthid import SynthID
from waarmerk.marking.text.warp import Warp

gguf = pytest.importorskip("gguf")
llama_cpp = pytest.importorskip("llama_cpp")

PIECES = 253
WIDTH = 3 + 256 + PIECES
# What the engine does itself after the mark: nothing.
OFF = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "repeat_penalty": 1.0}
PROMPT = [1, 300, 301, 302]


def write_model(path, width=32, layers=2):
    """Write a Llama model of random weights, with a vocabulary of bytes and invented pieces."""
    rng = np.random.default_rng(6)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // 2)
    writer.add_vocab_size(WIDTH)
    kinds = gguf.TokenType
    writer.add_tokenizer_model("llama")
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))]
    tokens += [f"▁w{i}" for i in range(PIECES)]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(i) for i in range(PIECES)])
    special = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL]
    writer.add_token_types([*special, *[kinds.BYTE] * 256, *[kinds.NORMAL] * PIECES])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)

    def matrix(name, rows, columns, spread=1.0):
        values = rng.standard_normal((rows, columns)) * spread / np.sqrt(columns)
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))

    def ones(name):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))

    matrix("token_embd", WIDTH, width, 5.0)
    for layer in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{layer}.{name}", width, width)
        matrix(f"blk.{layer}.ffn_gate", 2 * width, width)
        matrix(f"blk.{layer}.ffn_up", 2 * width, width)
        matrix(f"blk.{layer}.ffn_down", width, 2 * width)
        ones(f"blk.{layer}.attn_norm")
        ones(f"blk.{layer}.ffn_norm")
    ones("output_norm")
    matrix("output", WIDTH, width, 2.0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_model(path)
    return path


@pytest.fixture
def llm(path):
    model = llama_cpp.Llama(str(path), n_ctx=256, n_threads=1, seed=3, verbose=False)
    yield model
    model.close()


def listed(*processors):
    return llama_cpp.LogitsProcessorList(list(processors))


def drawn(llm, count, *processors, **settings):
    """Draw so many tokens with `Llama.generate`."""
    settings = OFF | {"temp": 1.0} | settings
    generation = llm.generate(PROMPT, logits_processor=listed(*processors), **settings)
    tokens = [next(generation) for _ in range(count)]
    generation.close()
    return tokens


class Spy:
    """A processor that changes nothing and keeps what it sees."""

    def __init__(self):
        self.ids, self.scores = [], []

    def __call__(self, ids, scores):
        self.ids.append(np.array(ids))
        self.scores.append(np.array(scores))
        return scores


@pytest.mark.parametrize("warp", [{}, {"temperature": 0.7, "top_k": 20, "top_p": 0.9}])
def test_what_the_engine_draws_from_is_what_the_scheme_made(llm, warp):
    before, after = Spy(), Spy()
    processor = Toy().processor(**warp)
    tokens = drawn(llm, 30, before, processor, after)
    processor.check()
    assert processor.steps == 30
    assert [ids.tolist() for ids in before.ids] == [PROMPT + tokens[:i] for i in range(30)]
    wanted = expected(PROMPT, tokens, before.scores, Warp(**warp))
    assert np.array_equal(np.array(after.scores), np.array(wanted))
    assert all(row[token] > -np.inf for row, token in zip(wanted, tokens, strict=True))


def test_a_completion_of_text_is_marked(llm):
    toy = Toy()
    processor = toy.processor(temperature=0.8, top_k=40)
    answer = llm.create_completion(
        "w1 w2", max_tokens=24, temperature=1.0, logits_processor=listed(processor), **OFF
    )
    processor.check()
    assert answer["usage"]["completion_tokens"] == processor.steps == toy.requests[0].steps


def test_synthid_is_found_in_what_was_drawn(llm):
    scheme = SynthID(range(1, 31), ngram_len=3)
    processor = scheme.processor()
    ids = drawn(llm, 200, processor)
    processor.check()
    unmarked = drawn(llm, 200)
    # 198 x 30 fair coins have a spread of 0.0065.
    assert scheme.g_values(ids).mean() > 0.54
    assert abs(scheme.g_values(unmarked).mean() - 0.5) < 0.04


KEPT_QUIET = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@KEPT_QUIET
def test_a_second_text_with_one_processor_is_found_out(llm):
    """The engine prints the error and goes on unmarked; only `check` stops that."""
    processor = Processor(Toy())
    drawn(llm, 5, processor)
    processor.check()
    drawn(llm, 5, processor)
    with pytest.raises(InputError, match="one generation"):
        processor.check()


@KEPT_QUIET
def test_speculative_decoding_is_found_out(path):
    from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

    model = llama_cpp.Llama(
        str(path),
        n_ctx=256,
        n_threads=1,
        verbose=False,
        draft_model=LlamaPromptLookupDecoding(max_ngram_size=1, num_pred_tokens=3),
    )
    processor = Processor(Toy(), top_k=2)  # few words, so that they come again
    generation = model.generate(PROMPT, logits_processor=listed(processor), temp=1.0, **OFF)
    for _ in range(60):
        next(generation)
    generation.close()
    model.close()
    with pytest.raises(InputError, match="speculative"):
        processor.check()


def test_a_processor_that_got_lost_is_found_out(llm):
    """Version 0.3.36 loses the list where `logit_bias` is given too."""
    processor = Processor(Toy())
    llm.create_completion(
        PROMPT, max_tokens=3, logits_processor=listed(processor), logit_bias={300: 1.0}, **OFF
    )
    if processor.steps:
        pytest.skip("this version calls it")
    with pytest.raises(InputError, match="never called"):
        processor.check()
