//! A peer as its TOML says: how it is started, what is asked of it, what means yes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage, Value, prost::Message};
use serde::Deserialize;

use crate::{
    error::{LoadError, file_error},
    process::{Process, free_port},
    questions::{Template, customer_name},
};

/// How several servers of one kind count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replicas {
    /// Each for itself.
    Own,
    /// Together, in one Redis.
    Shared,
    /// Together, by a set-up of several nodes that is not measured here.
    Unmeasured,
}

/// What an answer must have to mean yes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// A path of fields and places in lists.
    pub field: String,
    /// A truth value, or the number of an enum.
    pub is: serde_json::Value,
}

/// A peer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name in the tables.
    pub name: String,
    /// Its executable.
    pub program: String,
    /// What `cargo install` takes, where it can be installed.
    #[serde(default)]
    pub install: Option<String>,
    /// What is compared with.
    pub version: String,
    /// Its arguments; `{port}`, `{second_port}`, `{third_port}`, `{redis}` and `{directory}` are filled in, in the environment too.
    pub command: Vec<String>,
    /// Its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files in its directory, each a copy of one beside the definition.
    #[serde(default)]
    pub files: BTreeMap<PathBuf, PathBuf>,
    /// What it does and does not.
    pub does: String,
    /// How several count.
    pub replicas: Replicas,
    /// Whether it stands on a Redis.
    #[serde(default)]
    pub needs_redis: bool,
    /// Its messages, in `proto/`.
    pub proto: PathBuf,
    /// Its service, with the package.
    pub service: String,
    /// The unary method that is asked.
    pub method: String,
    /// What of the limit a key has at once.
    pub limit: u64,
    /// What means yes.
    pub allowed: Allowed,
    /// The question; `{key}` is the customer.
    pub message: serde_json::Value,
    #[serde(skip)]
    folder: PathBuf,
}

impl Definition {
    /// Read one.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = fs::read_to_string(path).map_err(|error| file_error(path, &error))?;
        let mut definition: Self =
            toml::from_str(&text).map_err(|error| file_error(path, &error.to_string().trim_end()))?;
        definition.folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(definition)
    }

    /// All of a folder, by file name.
    pub fn all(folder: &Path) -> Result<Vec<Self>, LoadError> {
        let entries = fs::read_dir(folder).map_err(|error| file_error(folder, &error))?;
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| file.extension().is_some_and(|end| end == "toml"))
            .collect();
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    /// The path of its method on the wire.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.service, self.method)
    }

    /// Its messages: those of the method's question and answer.
    fn method(&self) -> Result<prost_reflect::MethodDescriptor, LoadError> {
        let folder = self.folder.join("proto");
        let wrong = |error: String| file_error(&folder.join(&self.proto), &error);
        let files = protox::compile([&self.proto], [&folder]).map_err(|error| wrong(error.to_string()))?;
        let pool =
            DescriptorPool::from_file_descriptor_set(files).map_err(|error| wrong(error.to_string()))?;
        let service = pool
            .get_service_by_name(&self.service)
            .ok_or_else(|| wrong(format!("there is no service `{}`", self.service)))?;
        let found = service.methods().find(|method| method.name() == self.method);
        found.ok_or_else(|| wrong(format!("`{}` has no method `{}`", self.service, self.method)))
    }

    /// The question, with its place for the key; refused where its proto has no such field.
    pub fn template(&self) -> Result<Template, LoadError> {
        let wrong = |error: String| LoadError::Usage(format!("{}: message: {error}", self.name));
        let keyed = self.message.to_string().replace("{key}", &customer_name(0));
        let mut json = serde_json::Deserializer::from_str(&keyed);
        let message = DynamicMessage::deserialize(self.method()?.input(), &mut json)
            .map_err(|error| wrong(error.to_string()))?;
        let template = Template::of(message.encode_to_vec());
        if template.has_key() { Ok(template) } else { Err(wrong("`{key}` stands nowhere".to_owned())) }
    }

    /// Whether an answer means yes.
    pub fn judge(&self) -> Result<impl Fn(&[u8]) -> bool + use<>, LoadError> {
        let output = self.method()?.output();
        let wanted = self.allowed.clone();
        let wrong = || {
            LoadError::Usage(format!(
                "{}: allowed: the answer has no field `{}`",
                self.name, self.allowed.field
            ))
        };
        let first = self.allowed.field.split('.').next().unwrap_or_default();
        output.get_field_by_name(first).ok_or_else(wrong)?;
        Ok(move |body: &[u8]| {
            let message = DynamicMessage::decode(output.clone(), body);
            message.is_ok_and(|message| is_wanted(&Value::Message(message), &wanted.field, &wanted.is))
        })
    }

    /// Start it in a directory of its own, on a Redis where it needs one.
    pub fn start(
        &self,
        program: &Path,
        directory: &Path,
        redis: Option<&Process>,
    ) -> Result<Process, LoadError> {
        let port = free_port()?;
        let folder = directory.join(format!("{}-{port}", self.program));
        let failed = |error: std::io::Error| LoadError::Server(format!("{}: {error}", self.name));
        fs::create_dir_all(&folder).map_err(failed)?;
        for (to, from) in &self.files {
            let to = folder.join(to);
            fs::create_dir_all(to.parent().unwrap_or(&folder)).map_err(failed)?;
            fs::copy(self.folder.join(from), to).map_err(failed)?;
        }
        let places = [
            ("{port}", port.to_string()),
            ("{second_port}", free_port()?.to_string()),
            ("{third_port}", free_port()?.to_string()),
            ("{redis}", redis.map(|redis| redis.address.to_string()).unwrap_or_default()),
            ("{directory}", folder.display().to_string()),
        ];
        let filled = |text: &String| {
            places.iter().fold(text.clone(), |text, (place, value)| text.replace(place, value))
        };
        let mut command = Command::new(program);
        command.args(self.command.iter().map(filled)).current_dir(&folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, filled(value))));
        Process::listening(&self.name, port, &mut command, &folder.join("log"))
    }
}

/// Follow a path of fields and places in lists; absent scalars have their default.
fn is_wanted(value: &Value, path: &str, wanted: &serde_json::Value) -> bool {
    let Some((first, rest)) =
        path.split_once('.').map(|(first, rest)| (first, Some(rest))).or(Some((path, None)))
    else {
        return false;
    };
    let found = if let Value::Message(message) = value {
        message.descriptor().get_field_by_name(first).map(|field| message.get_field(&field).into_owned())
    } else {
        let list = value.as_list();
        first.parse::<usize>().ok().and_then(|place| list.and_then(|list| list.get(place).cloned()))
    };
    match (found, rest) {
        (Some(found), Some(rest)) => is_wanted(&found, rest, wanted),
        (Some(Value::Bool(truth)), None) => wanted.as_bool() == Some(truth),
        (Some(Value::EnumNumber(number)), None) => wanted.as_i64() == Some(i64::from(number)),
        _ => false,
    }
}
