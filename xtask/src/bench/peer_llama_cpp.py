"""A peer for `cargo xtask bench`: llama.cpp through llama-cpp-python on the CPU, reading prompts
(`prefill BATCHxLENGTH`) or generating token by token (`decode SEQUENCES`)."""

import json
import os
import random
import resource
import sys
import time

import llama_cpp as lib


def fill(batch, tokens, positions, sequences, wanted):
    """Puts rows into a llama_batch; `wanted` are those whose logits are computed."""
    batch.n_tokens = len(tokens)
    for row, (token, position, sequence) in enumerate(zip(tokens, positions, sequences)):
        batch.token[row] = token
        batch.pos[row] = position
        batch.n_seq_id[row] = 1
        batch.seq_id[row][0] = sequence
        batch.logits[row] = int(row in wanted)
    return batch


def main():
    path, what, size = sys.argv[1:4]
    sequences, length = (int(part) for part in (size + "x64").split("x")[:2])
    threads = int(os.environ["PEER_THREADS"])
    random.seed(0)

    @lib.llama_log_callback
    def silent(level, text, data):
        pass

    lib.llama_log_set(silent, None)
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
    settings = lib.llama_context_default_params()
    settings.n_ctx = sequences * (length + 80)
    settings.n_batch = max(512, length)
    settings.n_ubatch = 512
    settings.n_seq_max = sequences
    settings.n_threads = settings.n_threads_batch = threads
    context = lib.llama_init_from_model(model, settings)
    batch = lib.llama_batch_init(max(512, length), 0, 1)
    prompts = [[random.randrange(10, 40000) for _ in range(length)] for _ in range(sequences)]

    def prefill():
        lib.llama_memory_clear(lib.llama_get_memory(context), True)
        for index, prompt in enumerate(prompts):
            fill(batch, prompt, range(length), [index] * length, {length - 1})
            assert lib.llama_decode(context, batch) == 0

    def decode():
        """Seconds of one token of every sequence."""
        steps = 64
        start = time.perf_counter()
        for step in range(steps):
            rows = range(sequences)
            fill(batch, [10 + step] * sequences, [length + step] * sequences, rows, set(rows))
            assert lib.llama_decode(context, batch) == 0
        return (time.perf_counter() - start) / steps

    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        prefill()
        seconds.append(decode() if what == "decode" else time.perf_counter() - start)
    tokens = sequences if what == "decode" else sequences * length
    print(json.dumps({
        "tokens_per_second": tokens / min(seconds[1:]),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


main()
