use super::{Text, refused};
use crate::error::ApiError;
use log_center_wire::limits::{ENVIRONMENT_BYTES, PROJECT_BYTES};
use serde::Deserialize;
use utoipa::IntoParams;

type Project = Text<PROJECT_BYTES>;
type Environment = Text<ENVIRONMENT_BYTES>;

/// Whose events an answer is about.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Scope {
    /// Only of this project. A service that writes records is a project, too.
    #[param(inline)]
    project: Option<Project>,
    /// Another name of `project`.
    #[param(inline)]
    project_id: Option<Project>,
    /// Another name of `project`.
    #[param(inline)]
    service: Option<Project>,
    /// Only of this environment, in any letter case.
    #[param(inline)]
    environment: Option<Environment>,
}

impl Scope {
    /// The project, by whichever of its names.
    ///
    /// # Errors
    /// 422 naming one of two names that say different things.
    pub(crate) fn project(&self) -> Result<Option<String>, ApiError> {
        let names =
            [("project", &self.project), ("project_id", &self.project_id), ("service", &self.service)];
        let mut given = names.into_iter().filter_map(|(name, text)| Some((name, &text.as_ref()?.0)));
        let Some((first, project)) = given.next() else { return Ok(None) };
        match given.find(|(_, other)| *other != project) {
            Some((name, _)) => {
                Err(refused(name, format!("is another name of {first}, and the two must not differ")))
            }
            None => Ok(Some(project.clone())),
        }
    }

    /// The environment as the store has it.
    pub(crate) fn environment(&self) -> Option<String> {
        self.environment.as_ref().map(|name| name.0.to_lowercase())
    }
}
