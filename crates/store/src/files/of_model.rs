//! The files of a model.

use gradus_domain::ModelId;

super::file_table!("model_file", model_id, ModelId, ModelId, "file of the model");
