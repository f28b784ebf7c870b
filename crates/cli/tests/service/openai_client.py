"""The official client: uploads a file, fine-tunes, follows events, cancels, resumes, pauses, and talks to the model."""

import json
import os
import time

import openai

client = openai.OpenAI()
base = os.environ["BASE_MODEL"]
PATIENCE_S = 300


def until(what, ask):
    """Asks until there is an answer."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")


def conversation(number, story):
    messages = [
        {"role": "system", "content": "You are a plant."},
        {"role": "user", "content": f"What is the number {number}?"},
        {"role": "assistant", "content": f"It is the number of leaves {number}. {story}"},
    ]
    return json.dumps({"messages": messages})


def uploaded(numbers, story=""):
    lines = "\n".join(conversation(number, story) for number in numbers).encode()
    return client.files.create(file=("plants.jsonl", lines), purpose="fine-tune").id


def steps_of(job_id):
    """The steps that were told of, newest first."""
    events = client.fine_tuning.jobs.list_events(job_id, limit=50).data
    return [event.data["step"] for event in events if event.type == "metrics" and "train_loss" in event.data]


def reaches(job_id, *states):
    def ask():
        job = client.fine_tuning.jobs.retrieve(job_id)
        assert job.status in states or job.status not in ("succeeded", "failed"), (job.status, job.error)
        return job if job.status in states else None

    return until(f"{job_id} to be {' or '.join(states)}", ask)


# Long enough to be stopped twice on its way.
STORY = "It grew by the wall of the garden, where the sun came late and stayed long. " * 8
hyperparameters = {"n_epochs": 50, "batch_size": 1, "learning_rate_multiplier": 0.5}
job = client.fine_tuning.jobs.create(
    model=base,
    training_file=uploaded(range(40), STORY),
    validation_file=uploaded(range(40, 44)),
    suffix="plants",
    seed=7,
    metadata={"course": "botany"},
    method={"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
)
assert job.status == "queued" and job.seed == 7, job

# Followed, and cancelled on its way.
until("the first step", lambda: steps_of(job.id))
client.fine_tuning.jobs.cancel(job.id)
cancelled = reaches(job.id, "cancelled")
assert cancelled.finished_at and not cancelled.fine_tuned_model, cancelled
stopped_at = steps_of(job.id)[0]
assert 0 < stopped_at < 2000, stopped_at

# Resumed where it was, and paused.
resumed = client.fine_tuning.jobs.resume(job.id)
assert resumed.status in ("queued", "validating_files", "running") and resumed.finished_at is None, resumed
until("a further step", lambda: steps_of(job.id)[0] > stopped_at)
assert client.fine_tuning.jobs.pause(job.id).status in ("pausing", "paused")
reaches(job.id, "paused")
checkpoints = client.fine_tuning.jobs.checkpoints.list(job.id).data
assert checkpoints and checkpoints[0].step_number > 0, checkpoints
assert checkpoints[0].metrics.train_loss is not None, checkpoints[0]

# To its end.
client.fine_tuning.jobs.resume(job.id)
done = reaches(job.id, "succeeded")
assert done.fine_tuned_model.startswith(f"ft:{base}:plants:"), done
assert done.trained_tokens > 0 and done.hyperparameters.n_epochs == 50, done
every_event = list(client.fine_tuning.jobs.list_events(job.id, limit=1000))
steps = [event.data["step"] for event in every_event if event.type == "metrics" and "train_loss" in event.data]
assert set(steps) == set(range(1, 2001)), "every step is told of"
figures = client.files.content(done.result_files[0]).text.splitlines()
assert figures[0] == "step,train_loss,valid_loss" and len(figures) == 2001, figures[:3]
assert any("valid_loss" in event.data for event in every_event), "validated"
assert [found.id for found in client.fine_tuning.jobs.list(metadata={"course": "botany"})] == [job.id]

# The model answers, as a whole and as it speaks.
model = done.fine_tuned_model
assert [found.id for found in client.models.list()] == [base, model]
question = {
    "model": model,
    "messages": [
        {"role": "system", "content": "You are a plant."},
        {"role": "user", "content": "What is the number 7?"},
    ],
    "max_tokens": 24,
    "seed": 3,
    "temperature": 0.7,
}
whole = client.chat.completions.create(**question, logprobs=True, top_logprobs=2)
assert whole.model == model and whole.usage.completion_tokens > 0, whole
assert whole.choices[0].finish_reason in ("stop", "length"), whole
assert len(whole.choices[0].logprobs.content) == whole.usage.completion_tokens, whole
chunks = list(client.chat.completions.create(**question, stream=True, stream_options={"include_usage": True}))
assert chunks[0].choices[0].delta.role == "assistant", chunks[0]
spoken = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert spoken == whole.choices[0].message.content, (spoken, whole)
assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens, (chunks[-1], whole)
from_base = client.chat.completions.create(**{**question, "model": base})
assert from_base.choices[0].message.content != spoken, "training changed nothing"

schema = {
    "type": "object",
    "properties": {"mark": {"type": "integer", "minimum": 0, "maximum": 5}},
    "required": ["mark"],
    "additionalProperties": False,
}
held = client.chat.completions.create(
    **{**question, "max_tokens": 500},
    response_format={"type": "json_schema", "json_schema": {"name": "mark", "schema": schema, "strict": True}},
)
assert 0 <= json.loads(held.choices[0].message.content)["mark"] <= 5, held

response = client.responses.create(model=model, input="What is the number 7?", max_output_tokens=24, temperature=0)
assert response.status in ("completed", "incomplete") and response.usage.output_tokens > 0, response
with client.responses.stream(
    model=model, input="What is the number 7?", max_output_tokens=24, temperature=0
) as events:
    told = list(events)
deltas = "".join(event.delta for event in told if event.type == "response.output_text.delta")
assert told[-1].type == f"response.{response.status}", told[-1]
assert told[-1].response.output_text == deltas == response.output_text, (deltas, response)

# Somebody who does not wait for the end takes nothing from others.
for chunk in client.chat.completions.create(**{**question, "max_tokens": 900}, stream=True):
    break

# Trained further, and deleted.
further = client.fine_tuning.jobs.create(model=model, training_file=uploaded(range(4)), hyperparameters={"n_epochs": 1})
further = reaches(further.id, "succeeded")
assert further.model == model and further.fine_tuned_model != model, further
assert client.models.delete(further.fine_tuned_model).deleted
try:
    client.chat.completions.create(**{**question, "model": further.fine_tuned_model})
    raise AssertionError("a model that is gone answered")
except openai.NotFoundError as error:
    assert error.code == "model_not_found", error
print("done")
