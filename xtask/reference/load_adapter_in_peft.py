"""Scores a sample with an exported model, or with a model and an exported adapter, by transformers + PEFT.

Needs: pip install torch transformers peft
Run:   by the tests of crates/engine, when GRADUS_PEFT_PYTHON names a Python that has them

Reads {"model", "adapter" or null, "sample": [{"prompt", "completion"}], "messages"} from standard input;
prints the log-probability of each token of each completion, and the messages' token ids by the model's
chat template.
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def main(question):
    model = AutoModelForCausalLM.from_pretrained(question["model"], dtype=torch.float32)
    if question["adapter"]:
        model = PeftModel.from_pretrained(model, question["adapter"])
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(question["model"])
    text = tokenizer.apply_chat_template(question["messages"], add_generation_prompt=True, tokenize=False)
    return {
        "log_probabilities": [score(model, sequence) for sequence in question["sample"]],
        "chat_ids": tokenizer(text, add_special_tokens=False)["input_ids"],
    }


def score(model, sequence):
    prompt, completion = sequence["prompt"], sequence["completion"]
    logits = model(input_ids=torch.tensor([prompt + completion])).logits[0]
    table = logits[len(prompt) - 1 : -1].log_softmax(-1)
    return table[range(len(completion)), completion].tolist()


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
