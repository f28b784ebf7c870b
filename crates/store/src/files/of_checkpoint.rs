//! The files of a checkpoint.

use gradus_domain::CheckpointId;

super::file_table!("checkpoint_file", checkpoint_id, CheckpointId, CheckpointId, "file of the checkpoint");
