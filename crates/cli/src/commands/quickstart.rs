//! `gradus quickstart`: the whole job on the bundled example.

use std::path::PathBuf;

use clap::Args;
use gradus_app::quickstart::{QuickstartRequest, QuickstartResult, quickstart};

use crate::again::Again;
use crate::commands::test::results_table;
use crate::device::DeviceOption;
use crate::environment::Environment;
use crate::output;

/// Run the whole job on the bundled example: guide, training, test, report
///
/// A marking guide in Word and 400 marked answers become a fine-tuned model, which is tested on eight
/// students' papers it has never seen. Interrupt it whenever you like: the same command goes on.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus quickstart --output my-first-run")]
pub(crate) struct Arguments {
    /// Everything is written here; work found here is continued
    #[arg(long, value_name = "DIR", default_value = "gradus-quickstart")]
    output: PathBuf,
    /// Base model: a name from `gradus models list`, a GGUF file or a Hugging Face directory
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<String>,
    #[command(flatten)]
    device: DeviceOption,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let request = QuickstartRequest {
        output: &arguments.output,
        store: &environment.store,
        catalogue: &environment.catalogue,
        model: arguments.model.as_deref(),
        device: arguments.device.device,
        command: Again::command("quickstart", environment)
            .option("model", arguments.model.as_ref())
            .device(arguments.device.device)
            .option("output", Some(arguments.output.display()))
            .into_line(),
    };
    let result = environment.watch(|session| quickstart(&request, session))?;
    if environment.json {
        return output::print_json(&serde_json::json!({
            "event": "finished",
            "report": result.html,
            "report_json": result.json,
            "model": result.model,
            "results": result.report.results,
        }));
    }
    output::print(format!("\n{}", results_table(&result.report)));
    output::print(next_steps(&result));
    Ok(())
}

fn next_steps(result: &QuickstartResult) -> String {
    let [guide, paper, model] = [&result.guide, &result.paper, &result.model].map(|path| path.display());
    format!(
        "\nReport: {}\n\nMark one paper with the trained model:\n  gradus mark {paper} --guide {guide} --model {model}\n\
         Do the same with your own guide:\n  gradus guide show YOUR-GUIDE.docx",
        result.html.display()
    )
}
