//! Several people at once, each with work of one kind, until it is over and all of it has come to its end.

use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::foundation::Foundation;
use crate::inspection::Made;
use crate::{datasets, examinations, trainings, uploads};

/// Has everything done that a server does, until it is over; returns what was made, once all of it has ended.
pub(crate) async fn work_until(over: &CancellationToken, client: &Client, foundation: &Foundation) -> Made {
    let of = (&*foundation.guide, &*foundation.answers);
    let (uploads, trainings, examinations, datasets) = tokio::join!(
        uploads::upload_until(over, client, &foundation.readings),
        trainings::train_until(over, client, &foundation.version),
        examinations::examine_until(over, client, foundation),
        datasets::build_until(over, client, of, &foundation.content_hash),
    );
    Made { uploads, trainings, examinations, datasets }
}
