"""The official client against a server without workers: files, jobs that wait, models, and how errors arrive."""

import os

import openai

client = openai.OpenAI(max_retries=0)
base = os.environ["BASE_MODEL"]
conversation = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}\n'


def refused(kind, call, param=None, code=None):
    try:
        call()
    except kind as error:
        assert error.request_id, error
        assert error.param == param, (error.param, param)
        assert code is None or error.code == code, (error.code, code)
        return error
    raise AssertionError(f"{kind} was expected")


# Files.
file = client.files.create(file=("train.jsonl", conversation * 3), purpose="fine-tune")
assert file.status == "processed" and file.bytes == 3 * len(conversation), file
assert client.files.wait_for_processing(file.id).id == file.id
assert client.files.retrieve(file.id).to_dict() == file.to_dict()
assert client.files.content(file.id).read() == conversation * 3
others = [client.files.create(file=("b.jsonl", conversation), purpose="fine-tune").id for _ in range(4)]
listed = [found.id for found in client.files.list(limit=2, order="asc")]
assert listed == [file.id, *others], listed
assert client.files.delete(others[0]).deleted
assert len(list(client.files.list(purpose="fine-tune", limit=3))) == 4
expiring = client.files.create(
    file=("c.txt", b"c"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": 7200}
)
assert expiring.expires_at == expiring.created_at + 7200, expiring
error = refused(
    openai.BadRequestError,
    lambda: client.files.create(file=("bad.jsonl", b"{}\n" + conversation), purpose="fine-tune"),
    param="file",
    code="invalid_training_file",
)
assert "line 1" in error.message, error.message
refused(openai.NotFoundError, lambda: client.files.retrieve(others[0]), param="id")

# Jobs.
job = client.fine_tuning.jobs.create(
    model=base,
    training_file=file.id,
    suffix="biology",
    metadata={"course": "b1"},
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": "auto"}}},
)
assert job.status == "queued" and job.method.supervised.hyperparameters.n_epochs == 2, job
assert client.fine_tuning.jobs.retrieve(job.id).id == job.id
assert client.fine_tuning.jobs.pause(job.id).status == "paused"
assert client.fine_tuning.jobs.resume(job.id).status == "queued"
assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
refused(openai.BadRequestError, lambda: client.fine_tuning.jobs.cancel(job.id), code="not_now")
for course in ["b2", "b1", "b1"]:
    client.fine_tuning.jobs.create(model=base, training_file=file.id, metadata={"course": course})
assert len(list(client.fine_tuning.jobs.list(limit=2))) == 4
wanted = list(client.fine_tuning.jobs.list(limit=2, metadata={"course": "b1"}))
assert len(wanted) == 3 and wanted[-1].id == job.id, wanted
events = list(client.fine_tuning.jobs.list_events(job.id, limit=2))
assert len(events) == 4 and "created" in events[-1].message and "cancelled" in events[0].message, events
assert list(client.fine_tuning.jobs.checkpoints.list(job.id)) == []
refused(
    openai.BadRequestError,
    lambda: client.fine_tuning.jobs.create(model="gpt-9", training_file=file.id),
    param="model",
)

# Models and answers.
assert [model.id for model in client.models.list()] == [base]
assert client.models.retrieve(base).object == "model"
refused(openai.NotFoundError, lambda: client.models.retrieve("ft:none:of:these"), param="model")
messages = [{"role": "user", "content": "hello"}]
refused(
    openai.NotFoundError,
    lambda: client.chat.completions.create(model="gpt-9", messages=messages),
    param="model",
    code="model_not_found",
)
refused(openai.NotFoundError, lambda: client.embeddings.create(model=base, input="a"), code="unknown_url")
refused(
    openai.InternalServerError,
    lambda: client.chat.completions.create(model=base, messages=messages, stream=True),
    code="model_lost",
)
refused(openai.AuthenticationError, lambda: openai.OpenAI(api_key="grd_wrong", max_retries=0).models.list())
print("done")
