"""A peer for `cargo xtask bench`: one LoRA training step, or one forward pass, of Transformers and PEFT
on the CPU, the best of several after one to warm up. Needs torch, transformers, peft and gguf."""

import json
import os
import resource
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def plain_model(path, number_type):
    """The GGUF's weights in an ordinary model, which training code treats as any other."""
    folder, name = os.path.split(os.path.abspath(path))
    read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    config = type(read.config).from_dict(
        {key: value for key, value in read.config.to_dict().items() if key != "quantization_config"}
    )
    config._attn_implementation = "sdpa"
    model = type(read)(config)
    model.load_state_dict(read.state_dict(), strict=False)
    model.tie_weights()
    return model.to(number_type)


def main():
    path, what, size, number_type, compiled = sys.argv[1:6]
    batch, length = (int(part) for part in size.split("x"))
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ["PEER_THREADS"]))
    model = plain_model(path, {"bf16": torch.bfloat16, "f32": torch.float32}[number_type])
    tokens = torch.randint(10, 40000, (batch, length))
    if what == "train":
        targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=targets, task_type="CAUSAL_LM"))
        model.train()
        optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-4)
    run = torch.compile(model) if compiled == "compiled" else model

    def step():
        if what == "train":
            run(input_ids=tokens, labels=tokens).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        else:
            with torch.inference_mode():
                run(input_ids=tokens, logits_to_keep=1)

    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "tokens_per_second": batch * length / min(seconds[1:]),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


main()
