"""Runs that the Rust trainer must reproduce, written to crates/engine/tests/fixtures/peft_parity.

Needs: pip install torch transformers peft safetensors (and gguf for --model)
Run:   python xtask/reference/peft_parity.py
       python xtask/reference/peft_parity.py --model DIR
       python xtask/reference/peft_parity.py --long [--model DIR]
       python xtask/reference/peft_parity.py --gemma [--model DIR]

Without --model, a tiny random Llama is made and a LoRA adapter is trained on it for ten steps by
transformers + PEFT in f32 on the CPU: model/, initial/ and final/ (PEFT adapters), tiny.json (batches,
learning rates, losses, gradient norms, log-probabilities with the final adapter). tiny_run.json is a run
of ten epochs from initial/, all the data in one step, with the learning rates of Gradus's trainer.
The same batches train a rank-stabilised adapter, a DoRA adapter (each from its own initial adapter, in
rslora/ and dora/), a LoRA adapter with LoRA+, and all weights of the model: rslora.json, dora.json,
lora_plus.json, full.json.

With --model, the same is done to SmolLM2-135M-Instruct; only smollm2.json is kept. DIR is a directory in
the layout of Hugging Face, or the GGUF file, which is dequantised to f32. The initial A is a formula, so
that both sides have it without a file: A[k] = sin(k + 1 + 7 layer) / sqrt(input), row-major.

With --long, the model is trained for 200 steps on the text of examples/cell-biology/marked-answers.csv,
once with its weights in bf16 and once in f32 (PEFT keeps adapters in f32 beside both), and only the losses
are kept: tiny_long.json, or with --model smollm2_long.json.

With --gemma, the same is done to a tiny random Gemma 3 (gemma3/model and gemma3/initial; gemma3.json with a
LoRA adapter, gemma3_full.json with all weights), some of whose sequences are longer than its window, or with
--model to Gemma 3 270M (gemma3_270m.json).
"""

import argparse
import itertools
import json
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    get_linear_schedule_with_warmup,
)

FIXTURES = Path(__file__).resolve().parents[2] / "crates/engine/tests/fixtures/peft_parity"
TEXT = Path(__file__).resolve().parents[2] / "examples/cell-biology/marked-answers.csv"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
STEPS, WARMUP_STEPS, WEIGHT_DECAY = 10, 2, 0.01
LONG_STEPS, LONG_WARMUP_STEPS, HELD_OUT = 200, 20, 8
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tiny():
    torch.manual_seed(20261122)
    model = tiny_llama()
    model.save_pretrained(FIXTURES / "model")
    tiny_tokenizer().save_pretrained(FIXTURES / "model")
    batches = [tiny_batch(step) for step in range(STEPS)]
    peft = get_peft_model(model, lora(rank=4, alpha=8))
    save_adapter(peft, "initial")
    # The gradients' norms are on both sides of this limit.
    record = train(peft, batches, learning_rate=5e-3, max_grad_norm=2.5)
    save_adapter(peft, "final")
    write("tiny.json", record | scores(peft, tiny_batch(99)))
    other_methods(batches)

    model = AutoModelForCausalLM.from_pretrained(FIXTURES / "model", dtype=torch.float32)
    peft = PeftModel.from_pretrained(model, FIXTURES / "initial", is_trainable=True)
    data = [sequence for batch in batches[:3] for sequence in batch]
    record = train(peft, [data] * STEPS, learning_rate=5e-3, max_grad_norm=1.0, schedule=trainer_schedule)
    record["batches"] = [data]
    write("tiny_run.json", record | scores(peft, tiny_batch(99)))


def other_methods(batches):
    load = lambda: AutoModelForCausalLM.from_pretrained(FIXTURES / "model", dtype=torch.float32)
    initial = lambda: PeftModel.from_pretrained(load(), FIXTURES / "initial", is_trainable=True)
    rates = {"learning_rate": 5e-3, "max_grad_norm": 2.5}
    for name, options in [("rslora", {"use_rslora": True}), ("dora", {"use_dora": True})]:
        peft = get_peft_model(load(), lora(rank=4, alpha=4, **options))
        # Magnitudes begin as the lengths of the weights' rows, and B as zero: neither need be in a file, but
        # the files show how PEFT names them.
        save_adapter(peft, name)
        record = train(peft, batches, **rates)
        write(f"{name}.json", record | scores(peft, tiny_batch(99)))
    peft, ratio = initial(), 8.0
    plus = lambda groups, lr, weight_decay: create_loraplus_optimizer(
        peft, torch.optim.AdamW, lr=lr, loraplus_lr_ratio=ratio, loraplus_weight_decay=weight_decay)
    record = train(peft, batches, **rates | {"learning_rate": 1e-3}, make_optimizer=plus)
    record["settings"]["lora_plus_ratio"] = ratio
    write("lora_plus.json", record | scores(peft, tiny_batch(99)))
    model = load()
    record = train(model, batches, learning_rate=1e-3, max_grad_norm=2.5)
    write("full.json", record | scores(model, tiny_batch(99)))


def trainer_schedule(optimizer, warmup, steps):
    """As `Schedule::Linear`: the first step learns too, and the last ones still do."""
    factor = lambda step: (step + 1) / warmup if step < warmup else max(1 - (step - warmup) / (steps - warmup), 0.02)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def tiny_llama():
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=260, hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5, rope_theta=10000.0,
        tie_word_embeddings=False, initializer_range=0.15, bos_token_id=257, eos_token_id=258,
        pad_token_id=256, dtype="float32"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def tiny_tokenizer():
    """Every byte is a token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={piece: id for id, piece in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|unused|>"]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>",
        pad_token="<|endoftext|>", chat_template=CHATML)


def tiny_batch(seed):
    """Sequences of differing lengths; some begin alike, which the Rust packer stores once."""
    random = torch.Generator().manual_seed(seed)
    ids = lambda count: torch.randint(0, 256, (count,), generator=random).tolist()
    length = lambda low, high: int(torch.randint(low, high, (1,), generator=random))
    shared = ids(12)
    return [
        {"prompt": (shared if index < 2 else []) + ids(length(2, 14)), "completion": ids(length(1, 9)) + [258]}
        for index in range(2 + seed % 3)
    ]


def tiny_gemma():
    torch.manual_seed(20261123)
    model = Gemma3ForCausalLM(Gemma3TextConfig(
        vocab_size=260, hidden_size=48, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=1, head_dim=32, max_position_embeddings=256, rms_norm_eps=1e-6, query_pre_attn_scalar=24,
        sliding_window=7, layer_types=["sliding_attention", "full_attention"] * 2, initializer_range=0.15,
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}},
        bos_token_id=257, eos_token_id=258, pad_token_id=256, dtype="float32"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(FIXTURES / "gemma3/model")
    tiny_tokenizer().save_pretrained(FIXTURES / "gemma3/model")
    batches = [tiny_batch(step) for step in range(STEPS)]
    peft = get_peft_model(model, lora(rank=4, alpha=8))
    save_adapter(peft, "gemma3/initial")
    record = train(peft, batches, learning_rate=5e-3, max_grad_norm=2.5)
    write("gemma3.json", record | scores(peft, tiny_batch(99)))
    model = AutoModelForCausalLM.from_pretrained(FIXTURES / "gemma3/model", dtype=torch.float32)
    record = train(model, batches, learning_rate=1e-3, max_grad_norm=2.5)
    write("gemma3_full.json", record | scores(model, tiny_batch(99)))


def real(path, name, batch):
    model, tokenizer = load_dense(Path(path))
    peft = adapter_by_formula(model)
    batches = [batch(tokenizer, step) for step in range(STEPS)]
    record = train(peft, batches, learning_rate=2e-4, max_grad_norm=4.0)
    write(name, record | scores(peft, batch(tokenizer, 0)))


def adapter_by_formula(model):
    peft = get_peft_model(model, lora(rank=8, alpha=16))
    with torch.no_grad():
        for name, parameter in peft.named_parameters():
            if "lora_A" in name:
                layer = int(name.split("layers.")[1].split(".")[0])
                k = torch.arange(parameter.numel(), dtype=torch.float64)
                values = torch.sin(k + 1 + 7 * layer) / parameter.shape[1] ** 0.5
                parameter.copy_(values.reshape(parameter.shape).float())
    return peft


def long_run(model_path):
    if model_path:
        load = lambda: load_dense(Path(model_path))
        adapt, name, length, rate = adapter_by_formula, "smollm2", 64, 5e-4
    else:
        load = lambda: (
            AutoModelForCausalLM.from_pretrained(FIXTURES / "model", dtype=torch.float32),
            AutoTokenizer.from_pretrained(FIXTURES / "model"))
        adapt = lambda model: PeftModel.from_pretrained(model, FIXTURES / "initial", is_trainable=True)
        name, length, rate = "tiny", 32, 5e-3
    found = {"sequences_per_step": 4, "length": length}
    for precision, dtype in [("bf16", torch.bfloat16), ("f32", torch.float32)]:
        model, tokenizer = load()
        peft = adapt(model.to(dtype))
        assert all(parameter.dtype == torch.float32 for parameter in peft.parameters() if parameter.requires_grad)
        windows = text_windows(tokenizer, length)
        trained = itertools.cycle(windows[:-HELD_OUT])
        batches = [list(itertools.islice(trained, found["sequences_per_step"])) for _ in range(LONG_STEPS)]
        record = train(peft, batches, learning_rate=rate, max_grad_norm=1.0, warmup_steps=LONG_WARMUP_STEPS)
        held_out = [p for row in scores(peft, windows[-HELD_OUT:])["sample_log_probabilities"] for p in row]
        found |= {"settings": record["settings"], "learning_rates": seven_digits(record["learning_rates"])}
        found[precision] = {
            "losses": seven_digits(record["losses"]), "held_out_loss": seven_digits([-sum(held_out) / len(held_out)])[0]}
        write(f"{name}_long.json", found)


def text_windows(tokenizer, length):
    """Pieces of the text, each token but a piece's first to be predicted; what is left over is dropped."""
    ids = tokenizer(TEXT.read_bytes().decode(), add_special_tokens=False)["input_ids"]
    pieces = [ids[first : first + length] for first in range(0, len(ids) - length + 1, length)]
    return [{"prompt": piece[:1], "completion": piece[1:]} for piece in pieces]


def seven_digits(values):
    return [float(f"{value:.7g}") for value in values]


def load_dense(path):
    if path.is_dir():
        return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32), AutoTokenizer.from_pretrained(path)
    source = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    quantized = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    quantized.config.quantization_config = None
    dense = type(quantized)(quantized.config)
    dense.load_state_dict({name: tensor.float() for name, tensor in quantized.state_dict().items()})
    return dense, AutoTokenizer.from_pretrained(**source)


ANSWERS = [
    ("The nucleus controls the cell and holds its DNA.", "2 marks: control, DNA."),
    ("It makes energy.", "1 mark: no mention of respiration."),
    ("Mitochondria release energy in aerobic respiration.", "2 marks."),
    ("idk", "0"),
    ("Water moves from a dilute to a concentrated solution through a membrane.", "3 marks: osmosis is complete."),
]


def real_batch(tokenizer, step):
    question = "<|im_start|>user\nMark this answer in cell biology: "
    picked = [ANSWERS[(step * 2 + index) % len(ANSWERS)] for index in range(2 + step % 2)]
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    return [
        {"prompt": encode(f"{question}{answer}<|im_end|>\n<|im_start|>assistant\n"), "completion": encode(f"{mark}<|im_end|>")}
        for answer, mark in picked
    ]


def gemma_batch(tokenizer, step):
    """As `real_batch` without a chat, with one sequence longer than the window of 512."""
    picked = [ANSWERS[(step * 2 + index) % len(ANSWERS)] for index in range(2 + step % 2)]
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    examples = [
        {"prompt": [2] + encode(f"Mark this answer in cell biology: {answer}\nMark: "), "completion": encode(mark) + [1]}
        for answer, mark in picked
    ]
    if step == 3:
        text = TEXT.read_bytes().decode()
        examples[0]["prompt"] = [2] + encode(text)[:600] + examples[0]["prompt"][1:]
    return examples


def lora(rank, alpha, **options):
    return LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=TARGETS, task_type="CAUSAL_LM", **options)


def train(
    model, batches, learning_rate, max_grad_norm, schedule=get_linear_schedule_with_warmup, make_optimizer=torch.optim.AdamW,
    warmup_steps=WARMUP_STEPS,
):
    """The loss is the mean over the labels of a batch: the prompt and the padding carry none. Weight decay
    is for matrices, not for norms and magnitudes."""
    model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1]},
        {"params": [parameter for parameter in parameters if parameter.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = make_optimizer(groups, lr=learning_rate, weight_decay=WEIGHT_DECAY)
    rates = schedule(optimizer, warmup_steps, len(batches))
    record = {"batches": batches, "learning_rates": [], "losses": [], "gradient_norms": []}
    for batch in batches:
        loss = model(**padded(batch)).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm)
        record["learning_rates"].append(rates.get_last_lr()[0])
        record["losses"].append(loss.item())
        record["gradient_norms"].append(norm.item())
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
    settings = {
        "peak_learning_rate": learning_rate, "warmup_steps": warmup_steps, "weight_decay": WEIGHT_DECAY,
        "max_grad_norm": max_grad_norm}
    return {"settings": settings} | record


def padded(batch):
    width = max(len(sequence["prompt"]) + len(sequence["completion"]) for sequence in batch)
    rows = {"input_ids": [], "attention_mask": [], "labels": []}
    for sequence in batch:
        prompt, completion = sequence["prompt"], sequence["completion"]
        padding = width - len(prompt) - len(completion)
        rows["input_ids"].append(prompt + completion + [0] * padding)
        rows["attention_mask"].append([1] * (width - padding) + [0] * padding)
        rows["labels"].append([-100] * len(prompt) + completion + [-100] * padding)
    return {name: torch.tensor(values) for name, values in rows.items()}


@torch.no_grad()
def scores(model, sample):
    """The log-probability of each token of each completion."""
    model.eval()
    found = []
    for sequence in sample:
        prompt, completion = sequence["prompt"], sequence["completion"]
        logits = model(input_ids=torch.tensor([prompt + completion])).logits[0]
        table = logits[len(prompt) - 1 : -1].float().log_softmax(-1)
        found.append(table[range(len(completion)), completion].tolist())
    return {"sample": sample, "sample_log_probabilities": found}


def save_adapter(model, name):
    model.peft_config["default"].base_model_name_or_path = "tiny-random-llama"
    model.save_pretrained(FIXTURES / name, save_embedding_layers=False)
    (FIXTURES / name / "README.md").unlink(missing_ok=True)


def write(name, content):
    (FIXTURES / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="SmolLM2-135M-Instruct: a Hugging Face directory or the GGUF file")
    parser.add_argument("--gemma", action="store_true", help="a tiny Gemma 3, or with --model Gemma 3 270M")
    parser.add_argument("--long", action="store_true", help="200 steps, in bf16 and in f32")
    arguments = parser.parse_args()
    if arguments.long:
        long_run(arguments.model)
    elif arguments.model and arguments.gemma:
        real(arguments.model, "gemma3_270m.json", gemma_batch)
    elif arguments.model:
        real(arguments.model, "smollm2.json", real_batch)
    elif arguments.gemma:
        tiny_gemma()
    else:
        tiny()
