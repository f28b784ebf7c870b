"""Scores a sample with an exported GGUF file, goes on from its prompts and tokenizes texts, by llama.cpp.

Needs: pip install llama-cpp-python
Run:   by the tests of crates/engine, when GRADUS_LLAMA_CPP_PYTHON names a Python that has it

Reads {"model", "sample": [{"prompt", "completion"}], "prompts", "continuation", "texts"} from standard input;
prints the log-probability of each token of each completion of the sample, the most probable continuation of
each prompt in so many tokens, and the token ids of each text, control tokens included.
"""

import json
import sys

import llama_cpp
import numpy

F32 = 0  # ggml's number for the type; the cache of keys and values is f16 otherwise


def main(question):
    model = llama_cpp.Llama(
        question["model"], n_ctx=512, logits_all=True, type_k=F32, type_v=F32, n_threads=2, verbose=False
    )
    return {
        "log_probabilities": [score(model, sequence) for sequence in question["sample"]],
        "continuations": [go_on(model, prompt, question["continuation"]) for prompt in question["prompts"]],
        "token_ids": [model.tokenize(text.encode(), add_bos=False, special=True) for text in question["texts"]],
    }


def score(model, sequence):
    prompt, completion = sequence["prompt"], sequence["completion"]
    tokens = prompt + completion
    model.reset()
    model.eval(tokens)
    logits = model.scores[len(prompt) - 1 : len(tokens) - 1].astype(numpy.float64)
    highest = logits.max(-1, keepdims=True)
    table = logits - highest - numpy.log(numpy.exp(logits - highest).sum(-1, keepdims=True))
    return table[range(len(completion)), completion].tolist()


def go_on(model, prompt, count):
    model.reset()
    model.eval(prompt)
    tokens = []
    for _ in range(count):
        tokens.append(int(model.scores[model.n_tokens - 1].argmax()))
        model.eval(tokens[-1:])
    return tokens


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
