//! Jinja to Go: a chat template that puts each message between two fixed texts by role, as ChatML and the
//! templates of Llama 3 do, written the way Ollama reads it. Found by writing conversations out, and
//! kept only if it then writes every one of several conversations to the letter.

use crate::chat::{ChatTemplate, Message, Role};

/// What stands around the messages of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turns {
    /// Before the first message.
    start: String,
    system: Around,
    user: Around,
    assistant: Around,
    /// Where the model goes on.
    generation: String,
    /// What the template says in place of a system message that is not there.
    pub(super) default_system: Option<String>,
}

/// What stands before and after a message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Around {
    before: String,
    after: String,
}

/// Stand for messages; no template has them.
const MARKS: [&str; 4] = ["gradusfirst", "gradussecond", "gradusthird", "gradusfourth"];

impl Turns {
    /// What the template puts around messages; `None` when it does more than that.
    pub(super) fn of(template: &ChatTemplate) -> Option<Self> {
        let [system, user, assistant, again] = MARKS;
        let messages = conversation(&[
            (Role::System, system),
            (Role::User, user),
            (Role::Assistant, assistant),
            (Role::User, again),
        ]);
        let text = template.render(&messages, true).ok()?;
        let [head, to_user, to_assistant, back_to_user, tail] = split(&text)?;
        let user_before = header(back_to_user, "user")?;
        let assistant_before = header(to_assistant, "assistant")?;
        let system_before = header(head, "system")?;
        let user_after = to_assistant.strip_suffix(assistant_before)?;
        let mut turns = Self {
            start: head.strip_suffix(system_before)?.to_owned(),
            system: Around::new(system_before, to_user.strip_suffix(user_before)?),
            user: Around::new(user_before, user_after),
            assistant: Around::new(assistant_before, back_to_user.strip_suffix(user_before)?),
            generation: tail.strip_prefix(user_after)?.to_owned(),
            default_system: None,
        };
        turns.default_system = turns.default_system(template)?;
        turns.agree_with(template).then_some(turns)
    }

    /// What is said where no system message is given: the text, or nothing at all.
    #[expect(clippy::option_option, reason = "the outer one says that neither is the case")]
    fn default_system(&self, template: &ChatTemplate) -> Option<Option<String>> {
        let messages = conversation(&[(Role::User, MARKS[1])]);
        let text = template.render(&messages, true).ok()?;
        if text == self.render(&messages) {
            return Some(None);
        }
        let rest = text.strip_prefix(&self.start)?.strip_prefix(&self.system.before)?;
        let user = format!("{}{}{}", self.system.after, self.user.before, MARKS[1]);
        rest.split_once(&user).map(|(said, _)| Some(said.to_owned()))
    }

    fn agree_with(&self, template: &ChatTemplate) -> bool {
        let (ask, answer) = ((Role::User, "What?\n\nWhy? "), (Role::Assistant, "Because.\n1 < 2"));
        let conversations = [
            conversation(&[ask]),
            conversation(&[(Role::System, "Be brief."), ask]),
            conversation(&[ask, answer, ask]),
            conversation(&[(Role::System, "Be brief."), ask, answer, ask, answer, ask]),
        ];
        // Some templates trim what is said. Ollama does not, and what people type seldom needs it.
        let trimmed = |messages: &[Message]| -> Vec<Message> {
            messages.iter().map(|message| Message::new(message.role, message.content.trim())).collect()
        };
        conversations.iter().all(|messages| {
            let wanted = template.render(messages, true).ok();
            wanted == Some(self.render(messages)) || wanted == Some(self.render(&trimmed(messages)))
        })
    }

    fn render(&self, messages: &[Message]) -> String {
        let mut text = self.start.clone();
        let mut put = |around: &Around, content: &str| {
            text.extend([around.before.as_str(), content, around.after.as_str()]);
        };
        if let Some(said) = self.default_system.as_ref().filter(|_| messages[0].role != Role::System) {
            put(&self.system, said);
        }
        for message in messages {
            let around = match message.role {
                Role::System => &self.system,
                Role::User => &self.user,
                Role::Assistant | Role::Tool => &self.assistant,
            };
            put(around, &message.content);
        }
        text + &self.generation
    }

    /// The template in Go's language. `opening` is the text of the token that the tokenizer itself puts
    /// before everything. `None` when a text cannot be written in a Modelfile.
    pub(super) fn to_go(&self, opening: Option<&str>) -> Option<String> {
        let start = opening.and_then(|token| self.start.strip_prefix(token)).unwrap_or(&self.start);
        let turn = |around: &Around| format!("{}{{{{ .Content }}}}{}", around.before, around.after);
        let (system, user, assistant) = (turn(&self.system), turn(&self.user), turn(&self.assistant));
        let fixed = [start, &self.generation, &self.default_system.clone().unwrap_or_default()].concat();
        let around = [&self.system, &self.user, &self.assistant];
        let all = around.iter().map(|around| format!("{}{}", around.before, around.after));
        if all.chain([fixed]).any(|text| text.contains("{{") || text.contains("\"\"\"")) {
            return None;
        }
        Some(format!(
            "{start}{{{{ range .Messages }}}}{{{{ if eq .Role \"system\" }}}}{system}\
             {{{{ else if eq .Role \"user\" }}}}{user}\
             {{{{ else if eq .Role \"assistant\" }}}}{assistant}{{{{ end }}}}{{{{ end }}}}{}",
            self.generation
        ))
    }
}

impl Around {
    fn new(before: &str, after: &str) -> Self {
        Self { before: before.to_owned(), after: after.to_owned() }
    }
}

fn conversation(turns: &[(Role, &str)]) -> Vec<Message> {
    turns.iter().map(|(role, content)| Message::new(*role, *content)).collect()
}

/// The texts around the marks, each of which appears once and in order.
fn split(text: &str) -> Option<[&str; 5]> {
    let mut parts = [text; 5];
    let mut rest = text;
    for (index, mark) in MARKS.into_iter().enumerate() {
        let (before, after) = rest.split_once(mark)?;
        parts[index] = before;
        rest = after;
    }
    parts[4] = rest;
    parts.iter().all(|part| !MARKS.iter().any(|mark| part.contains(mark))).then_some(parts)
}

/// The part of what stands before a message that belongs to it: from the marker that names its role.
fn header<'t>(text: &'t str, role: &str) -> Option<&'t str> {
    let named = text.rfind(role)?;
    text[..named].rfind('<').map(|begin| &text[begin..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    const SMOLLM2: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    const LLAMA3: &str = "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
    const MISTRAL: &str = "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}{% endif %}{% endfor %}";

    fn turns(source: &str) -> Option<Turns> {
        Turns::of(&ChatTemplate::new(source, "<s>", "</s>").unwrap())
    }

    #[test]
    fn chatml_becomes_a_loop_over_the_messages() {
        let go = turns(CHATML).unwrap().to_go(None).unwrap();
        assert_eq!(
            go,
            "{{ range .Messages }}{{ if eq .Role \"system\" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n\
             {{ else if eq .Role \"user\" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n\
             {{ else if eq .Role \"assistant\" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n\
             {{ end }}{{ end }}<|im_start|>assistant\n"
        );
    }

    #[test]
    fn a_system_message_said_by_default_is_found() {
        let said = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
        assert_eq!(turns(SMOLLM2).unwrap().default_system.as_deref(), Some(said));
        assert_eq!(turns(CHATML).unwrap().default_system, None);
    }

    #[test]
    fn the_opening_token_is_left_to_the_tokenizer() {
        let turns = turns(LLAMA3).unwrap();
        assert!(turns.to_go(None).unwrap().starts_with("<s>{{ range"));
        assert!(turns.to_go(Some("<s>")).unwrap().starts_with("{{ range"));
        assert!(turns.to_go(None).unwrap().ends_with("<|start_header_id|>assistant<|end_header_id|>\n\n"));
    }

    #[test]
    fn a_template_that_does_more_than_put_texts_around_messages_is_left_alone() {
        assert_eq!(turns(MISTRAL), None);
        assert_eq!(turns("{{ raise_exception('no') }}"), None);
        // The last message is treated in another way than those before it.
        let last = CHATML.replace("'<|im_end|>' +", "('' if loop.last else '<|im_end|>') +");
        assert_eq!(turns(&last), None);
        // Two spaces are put for one.
        assert_eq!(
            turns(&CHATML.replace("message['content']", "message['content'].replace('\n', ' ')")),
            None
        );
    }

    #[test]
    fn texts_that_a_modelfile_cannot_hold_are_not_written() {
        assert_eq!(turns(&CHATML.replace("<|im_end|>", "\"\"\"")).unwrap().to_go(None), None);
    }
}
