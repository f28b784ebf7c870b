//! `gradus models list | pull | show`: base models.

use clap::{Args, Subcommand};
use gradus_app::models::{Acceptance, InstalledModel, Terms, fetch};
use gradus_app::runtime::describe_file;
use serde_json::json;

use crate::console;
use crate::environment::Environment;
use crate::output;

/// Base models: list, fetch, look at
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus models pull smollm2-135m-instruct")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The models that can be fetched, and those on this machine
    #[command(after_help = "Example:\n  gradus models list --json")]
    List,
    /// Fetch a model; a download from the hub goes on where an earlier try was cut off
    #[command(after_help = "Example:\n  gradus models pull smollm2-135m-instruct")]
    Pull {
        /// Its name
        name: String,
        /// Accept the terms that the model is under, where it is under some
        #[arg(long)]
        accept_licence: bool,
    },
    /// What is known of a model: by its name, a GGUF file or a Hugging Face directory
    #[command(after_help = "Example:\n  gradus models show smollm2-135m-instruct")]
    Show {
        /// Its name or path
        #[arg(value_name = "NAME|PATH")]
        name: String,
    },
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    match &arguments.action {
        Action::List => list(environment),
        Action::Pull { name, accept_licence } => pull(name, *accept_licence, environment),
        Action::Show { name } => show(name, environment),
    }
}

fn list(environment: &Environment) -> anyhow::Result<()> {
    let installed = environment.store.list()?;
    let is_here = |name: &str| installed.iter().any(|model| model.manifest.name == name);
    let entries = environment.catalogue.entries();
    if environment.json {
        let models = entries.iter().map(|entry| {
            json!({
                "name": entry.name, "description": entry.description, "licence": entry.licence,
                "terms": entry.terms, "parameters": entry.parameters, "bytes": entry.size(),
                "installed": is_here(&entry.name),
            })
        });
        return output::print_json(&models.collect::<Vec<_>>());
    }
    let mut rows =
        vec![["NAME", "PARAMETERS", "SIZE", "LICENCE", "HERE", "DESCRIPTION"].map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|entry| {
        vec![
            entry.name.clone(),
            format!("{:.0} M", entry.parameters as f64 / 1e6),
            entry.size().map_or("?".to_owned(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6)),
            format!("{}{}", entry.licence, if entry.terms.is_some() { " (to accept)" } else { "" }),
            if is_here(&entry.name) { "yes" } else { "no" }.to_owned(),
            entry.description.clone(),
        ]
    }));
    output::print(output::table(&rows));
    for (entry, terms) in entries.iter().filter_map(|entry| Some((entry, entry.terms.as_ref()?))) {
        output::print(format!("{} is under the {}", entry.name, terms.reference()));
    }
    Ok(())
}

fn pull(name: &str, accepts: bool, environment: &Environment) -> anyhow::Result<()> {
    let terms = environment.catalogue.get(name).and_then(|entry| entry.terms.as_ref());
    let acceptance = match terms.filter(|_| environment.store.show(name).is_none()) {
        Some(terms) => acceptance(name, terms, accepts, environment.json),
        None => Acceptance::NotGiven,
    };
    let asked_for = (name, acceptance);
    let installed =
        environment.watch(|session| fetch(&environment.store, &environment.catalogue, asked_for, session))?;
    if environment.json {
        return output::print_json(&summary(&installed));
    }
    output::print(format!("{name} is in {}", installed.path().display()));
    Ok(())
}

/// Shows the terms and finds out whether they are accepted: by the option, or by a person who is asked.
fn acceptance(name: &str, terms: &Terms, accepts: bool, json: bool) -> Acceptance {
    let answered = |yes: bool| if yes { Acceptance::Given } else { Acceptance::NotGiven };
    if json {
        return answered(accepts);
    }
    console::line(&format!("{name} is under the {}.", terms.name));
    console::line(&terms.summary);
    terms.addresses.iter().for_each(|address| console::line(&format!("  {address}")));
    if accepts {
        console::line("You accept them by --accept-licence.");
        return Acceptance::Given;
    }
    answered(console::agrees("Do you accept them?"))
}

fn summary(installed: &InstalledModel) -> serde_json::Value {
    json!({
        "name": installed.manifest.name, "path": installed.path(), "source": installed.manifest.source,
        "pulled_at": installed.manifest.pulled_at, "accepted_terms": installed.manifest.accepted_terms,
        "files": installed.manifest.files,
    })
}

fn show(name: &str, environment: &Environment) -> anyhow::Result<()> {
    let path = environment.store.resolve(name, &environment.catalogue)?;
    let facts = describe_file(&path)?;
    let installed = environment.store.show(name);
    let entry = environment.catalogue.get(name);
    if environment.json {
        let mut value = installed.as_ref().map_or_else(|| json!({ "path": path }), summary);
        value["architecture"] = serde_json::to_value(&facts)?;
        value["licence"] = json!(entry.map(|entry| &entry.licence));
        value["terms"] = json!(entry.and_then(|entry| entry.terms.as_ref()));
        return output::print_json(&value);
    }
    let mut rows = vec![vec!["path".to_owned(), path.display().to_string()]];
    if let Some(entry) = entry {
        rows.push(vec!["licence".to_owned(), entry.licence.clone()]);
        rows.extend(entry.terms.iter().map(|terms| vec!["terms".to_owned(), terms.reference()]));
    }
    if let Some(installed) = &installed {
        rows.push(vec!["source".to_owned(), installed.manifest.source.clone()]);
        rows.push(vec!["pulled".to_owned(), installed.manifest.pulled_at.clone()]);
        for file in &installed.manifest.files {
            rows.push(vec!["sha256".to_owned(), format!("{}  {}", file.sha256, file.name)]);
        }
    }
    rows.extend(facts.rows().map(|(what, value)| vec![what.to_owned(), value]));
    output::print(output::table(&rows));
    Ok(())
}
