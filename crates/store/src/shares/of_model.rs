//! Who else may see a model.

use gradus_domain::ModelId;

super::share_table!("model_share", model_id, ModelId, ModelId);
