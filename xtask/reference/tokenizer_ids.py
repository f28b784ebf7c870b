"""Token ids that the Rust tokenizers must reproduce, written to crates/engine/tests/fixtures.

Needs: pip install gguf tokenizers sentencepiece protobuf transformers jinja2
Run:   python xtask/reference/tokenizer_ids.py SmolLM2-135M-Instruct.Q4_1.gguf
       python xtask/reference/tokenizer_ids.py --gemma gemma-3-270m-q4_k_m.gguf

smollm2_tokens.json  Hugging Face tokenizers, set up as the published tokenizer.json of SmolLM2 is (digits
                     one by one, then byte-level BPE), with the vocabulary of the GGUF file.
sentencepiece.json   A small vocabulary trained here, and the ids that SentencePiece itself gives.
gemma3_tokens.json   With --gemma: the ids that SentencePiece itself gives with the pieces, scores and types
                     of the GGUF file.
chat.json            Chat templates written out by Jinja as Hugging Face transformers sets it up.
"""

import json
import sys
import tempfile
from pathlib import Path

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers.utils.chat_template_utils import render_jinja_template

FIXTURES = Path(__file__).resolve().parents[2] / "crates/engine/tests/fixtures"

TEXTS = [
    "",
    "a",
    " leading space",
    "trailing space ",
    "The force is 12.5 N, so F = ma gives a = 2.5 m/s².",
    "I've said we're sure they'll come; he'd say it's DON'T and I'LL.",
    "def area(r: float) -> float:\n\treturn 3.14159 * r ** 2  # m^2\n\n\nprint(area(2))",
    "two  three   four    spaces and\ttabs\t\tand\r\nlines\n\n\n   indented",
    "1 22 333 4444 55555  6 7,890.12 ½ Ⅳ ٣٤ 2026-11-22",
    "Ærøskøbing, naïve façade, Łódź, Ångström, ẞ, İstanbul, e\u0301 and \u00e9",
    "光合作用将光能转化为化学能。学生答:二氧化碳 + 水",
    "Ответ: 42 балла. Η ταχύτητα του φωτός. שלום עולם. مرحبا بالعالم. नमस्ते",
    "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇬🇧 ❤️ 😀😀",
    "zero\u200bwidth\u00a0no-break\u2003em\ufeffmark",
    "<div class=\"x\">&amp;</div> {{ braces }} [1](http://example.org/a?b=c#d)",
    "||<|im |> <| im_start |> <im_end> <|im_end",
    "x" * 60 + " " * 17 + "\n" * 9 + "?!" * 12,
    "O₂ → CO₂; ∫₀^∞ e^{-x²} dx = √π/2 ≈ 0.886; ΔH < 0 ⇒ exothermic ✓",
    "CamelCaseIdentifier snake_case_name kebab-case SHOUTING_CASE v1.2.3-rc.4",
    "\x00\x01\x7f control\x1b[0m bytes",
]

CORPUS = [
    "The mitochondria is the powerhouse of the cell, said the student.",
    "The force on the body is the product of its mass and its acceleration.",
    "The cell membrane lets the water through; the student knows that.",
    "Energy is neither made nor lost: the sum of the energies stays the same.",
    "Photosynthesis turns carbon dioxide and water into glucose and oxygen.",
] * 20


def main(model):
    vocabulary = read_vocabulary(model)
    tokenizer = smollm2(vocabulary)
    with_control = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    write("smollm2_tokens.json", {
        "plain": [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS],
        "with_control": {"text": with_control, "ids": tokenizer.encode(with_control).ids},
    })
    write("sentencepiece.json", small_sentencepiece())
    write("chat.json", chats(vocabulary["chat_template"]))


def read_vocabulary(model):
    fields = gguf.GGUFReader(model).fields
    names = ["tokens", "token_type", "merges"]
    vocabulary = {name: fields[f"tokenizer.ggml.{name}"].contents() for name in names}
    return vocabulary | {"chat_template": fields["tokenizer.chat_template"].contents()}


def smollm2(vocabulary):
    ids = {token: id for id, token in enumerate(vocabulary["tokens"])}
    merges = [tuple(merge.split(" ")) for merge in vocabulary["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(vocabulary["tokens"], vocabulary["token_type"]) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in control])
    return tokenizer


def small_sentencepiece():
    with tempfile.TemporaryDirectory() as directory:
        prefix = f"{directory}/small"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_prefix=prefix, vocab_size=420, model_type="bpe",
            byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
            add_dummy_prefix=True, minloglevel=2)
        processor = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    ids = range(processor.get_piece_size())
    return {
        "tokens": [processor.id_to_piece(id) for id in ids],
        "scores": [processor.get_score(id) for id in ids],
        "token_types": [token_type(processor, id) for id in ids],
        "texts": [{"text": text, "ids": processor.encode(text)} for text in TEXTS + CORPUS[:5]],
    }


def gemma(model):
    """SentencePiece marks spaces in user-defined pieces too; a GGUF file has them as they are typed."""
    fields = gguf.GGUFReader(model).fields
    tokens, scores, types = (fields[f"tokenizer.ggml.{name}"].contents() for name in ["tokens", "scores", "token_type"])
    proto = sentencepiece_model_pb2.ModelProto()
    for token, score, kind in zip(tokens, scores, types):
        token = token.replace(" ", "\u2581") if kind == 4 else token
        proto.pieces.add(piece=token, score=score, type=2 if token == "<unk>" else kind)
    proto.trainer_spec.model_type = 2
    proto.trainer_spec.byte_fallback = True
    proto.trainer_spec.vocab_size = len(tokens)
    proto.trainer_spec.pad_piece, proto.trainer_spec.unk_piece = "<pad>", "<unk>"
    proto.trainer_spec.bos_piece, proto.trainer_spec.eos_piece = "<bos>", "<eos>"
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = False
    proto.normalizer_spec.remove_extra_whitespaces = False
    processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    write("gemma3_tokens.json", {"texts": [{"text": text, "ids": processor.encode(text)} for text in TEXTS + CORPUS[:5]]})


def token_type(processor, id):
    kinds = {2: processor.is_unknown, 3: processor.is_control, 5: processor.is_unused, 6: processor.is_byte}
    return next((kind for kind, holds in kinds.items() if holds(id)), 1)


GEMMA3_TEMPLATE = (
    "{{ bos_token }}\n{%- if messages[0]['role'] == 'system' -%}\n    {%- if messages[0]['content'] is string -%}\n"
    "        {%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}\n    {%- else -%}\n"
    "        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}\n    {%- endif -%}\n"
    "    {%- set loop_messages = messages[1:] -%}\n{%- else -%}\n    {%- set first_user_prefix = \"\" -%}\n"
    "    {%- set loop_messages = messages -%}\n{%- endif -%}\n{%- for message in loop_messages -%}\n"
    "    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}\n"
    "        {{ raise_exception(\"Conversation roles must alternate user/assistant/user/assistant/...\") }}\n"
    "    {%- endif -%}\n    {%- if (message['role'] == 'assistant') -%}\n        {%- set role = \"model\" -%}\n"
    "    {%- else -%}\n        {%- set role = message['role'] -%}\n    {%- endif -%}\n"
    "    {{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else \"\") }}\n"
    "    {%- if message['content'] is string -%}\n        {{ message['content'] | trim }}\n"
    "    {%- elif message['content'] is iterable -%}\n        {%- for item in message['content'] -%}\n"
    "            {%- if item['type'] == 'image' -%}\n                {{ '<start_of_image>' }}\n"
    "            {%- elif item['type'] == 'text' -%}\n                {{ item['text'] | trim }}\n"
    "            {%- endif -%}\n        {%- endfor -%}\n    {%- else -%}\n"
    "        {{ raise_exception(\"Invalid content type\") }}\n    {%- endif -%}\n    {{ '<end_of_turn>\n' }}\n"
    "{%- endfor -%}\n{%- if add_generation_prompt -%}\n    {{'<start_of_turn>model\n'}}\n{%- endif -%}\n"
)


def chats(smollm2_template):
    demanding = (
        "{{- bos_token }}\n{%- set ns = namespace(turns=0) %}\n"
        "{%- if messages[0].role == 'system' %}\n    {{- '[SYS]' + messages[0].content.strip() + '[/SYS]' }}\n"
        "    {%- set rest = messages[1:] %}\n{%- else %}\n    {%- set rest = messages %}\n{%- endif %}\n"
        "{%- for message in rest %}\n    {%- if message['role'] == 'tool' %}{% continue %}{% endif %}\n"
        "    {%- set ns.turns = ns.turns + 1 %}\n"
        "    {%- if message.role not in ['user', 'assistant'] %}{{ raise_exception('Unknown role') }}{% endif %}\n"
        "    {{- '[' ~ message.role | upper ~ ' ' ~ ns.turns ~ ']' + message.content.split('</think>')[-1].lstrip('\\n') }}\n"
        "    {{- eos_token }}\n{%- endfor %}\n{{- rest | length | tojson }}{{ messages[0] | tojson }}\n"
        "{% if add_generation_prompt %}\n[ASSISTANT]\n{% endif %}\n"
    )
    conversations = [
        [("user", "What is 2 + 2?")],
        [("system", " Mark strictly. "), ("user", "Äußerst \"quoted\" <b> & 'x'\n"), ("assistant", "<think>\nhm</think>\n\nTwo marks. 👍")],
        [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")],
    ]
    cases = []
    templates = {"smollm2": smollm2_template, "demanding": demanding, "gemma3": GEMMA3_TEMPLATE}
    for name, template in templates.items():
        for conversation in conversations:
            messages = [{"role": role, "content": content} for role, content in conversation]
            for generation in [False, True]:
                rendered, _ = render_jinja_template(
                    [messages], chat_template=template, add_generation_prompt=generation, bos_token="<s>", eos_token="</s>")
                cases.append({
                    "template": name, "messages": messages, "add_generation_prompt": generation, "text": rendered[0]})
    return {"templates": templates, "cases": cases}


def write(name, content):
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    (FIXTURES / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--gemma":
        gemma(sys.argv[2])
    else:
        main(sys.argv[1])
