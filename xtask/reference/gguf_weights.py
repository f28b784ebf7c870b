"""Weights that reading the GGUF file must reproduce, written to crates/engine/tests/fixtures.

Needs: pip install gguf torch transformers
Run:   python xtask/reference/gguf_weights.py SmolLM2-135M-Instruct.Q4_1.gguf

smollm2_weights.json  A few tensors as Hugging Face transformers loads them from the same file: shape, sum
                      of squares, and the values at the start of some rows (the order of the rows of query
                      and key projections is what a reader gets wrong).
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

FIXTURES = Path(__file__).resolve().parents[2] / "crates/engine/tests/fixtures"
TENSORS = [
    "model.embed_tokens.weight",
    "model.norm.weight",
    "model.layers.0.self_attn.q_proj.weight",
    "model.layers.0.self_attn.k_proj.weight",
    "model.layers.17.self_attn.v_proj.weight",
    "model.layers.29.self_attn.q_proj.weight",
    "model.layers.29.self_attn.o_proj.weight",
    "model.layers.29.input_layernorm.weight",
    "model.layers.11.post_attention_layernorm.weight",
    "model.layers.11.mlp.gate_proj.weight",
    "model.layers.11.mlp.up_proj.weight",
    "model.layers.11.mlp.down_proj.weight",
]


def main(model):
    path = Path(model)
    loaded = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    state = loaded.state_dict()
    reference = {name: summary(state[name]) for name in TENSORS}
    (FIXTURES / "smollm2_weights.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")


def summary(tensor):
    width = tensor.shape[-1]
    rows = tensor.reshape(-1, width)
    picked = sorted({row for row in [0, 1, 2, 33, 64, 191, len(rows) - 1] if row < len(rows)})
    return {
        "shape": list(tensor.shape),
        "sum_of_squares": tensor.double().square().sum().item(),
        "rows": [{"row": row, "values": rows[row, :5].tolist()} for row in picked],
    }


if __name__ == "__main__":
    main(sys.argv[1])
