// The official client for Node: uploads a file, fine-tunes, and talks to the model, whole and streamed.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

// This file lies elsewhere than the package.
const { OpenAI, toFile } = createRequire(`${process.env.PACKAGES}/`)("openai");
const client = new OpenAI();
const base = process.env.BASE_MODEL;

const conversation = (number) =>
  JSON.stringify({
    messages: [
      { role: "user", content: `What is the number ${number}?` },
      { role: "assistant", content: `It is the number of leaves ${number}.` },
    ],
  });
const lines = Array.from({ length: 8 }, (_, number) => conversation(number)).join("\n");
const file = await client.files.create({
  file: await toFile(Buffer.from(lines), "plants.jsonl"),
  purpose: "fine-tune",
});

let job = await client.fineTuning.jobs.create({
  model: base,
  training_file: file.id,
  suffix: "node",
  method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 2 } } },
});
const end = Date.now() + 120_000;
while (!["succeeded", "failed", "cancelled"].includes(job.status) && Date.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  job = await client.fineTuning.jobs.retrieve(job.id);
}
assert.equal(job.status, "succeeded", JSON.stringify(job));
let events = 0;
for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 3 })) {
  assert.ok(event.message);
  events += 1;
}
assert.ok(events > 3, "every page is asked for");

const model = job.fine_tuned_model;
const question = {
  model,
  messages: [{ role: "user", content: "What is the number 7?" }],
  max_tokens: 24,
  seed: 3,
};
const whole = await client.chat.completions.create(question);
let spoken = "";
for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
  spoken += chunk.choices[0]?.delta?.content ?? "";
}
assert.equal(spoken, whole.choices[0].message.content);

const asked = { model, input: "What is the number 7?", max_output_tokens: 24, temperature: 0 };
const response = await client.responses.create(asked);
let deltas = "";
let last;
for await (const event of await client.responses.create({ ...asked, stream: true })) {
  if (event.type === "response.output_text.delta") deltas += event.delta;
  last = event;
}
assert.equal(deltas, response.output_text);
assert.equal(last.type, `response.${response.status}`);

const refused = await client.embeddings.create({ model, input: "x" }).catch((error) => error);
assert.equal(refused.status, 404);
assert.match(refused.message, /not supported/);
assert.ok((await client.models.delete(model)).deleted);
console.log("done");
