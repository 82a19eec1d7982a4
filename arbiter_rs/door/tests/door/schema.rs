//! The messages as `proto/` declares them, and what the code takes for granted about them.

use std::path::Path;

use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use arbiter_door::Verb;

pub(crate) fn schema() -> FileDescriptorSet {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    protox::compile(["repit/v1/arbitration_service.proto", "repit/v1/contact_log.proto"], [root]).unwrap()
}

pub(crate) fn message(name: &str) -> DescriptorProto {
    let schema = schema();
    let found = schema.file.iter().flat_map(|file| &file.message_type).find(|message| message.name() == name);
    found.cloned().unwrap_or_else(|| panic!("no message {name}"))
}

pub(crate) fn enumeration(name: &str) -> EnumDescriptorProto {
    let schema = schema();
    let found = schema.file.iter().flat_map(|file| &file.enum_type).find(|declared| declared.name() == name);
    found.cloned().unwrap_or_else(|| panic!("no enum {name}"))
}

/// What decides how a field is written.
pub(crate) fn shape(field: &FieldDescriptorProto) -> String {
    format!(
        "{} {} {:?} {:?} {}",
        field.number(),
        field.name(),
        field.label(),
        field.r#type(),
        field.type_name()
    )
}

fn fields(name: &str) -> Vec<String> {
    message(name).field.iter().map(shape).collect()
}

#[test]
fn a_check_is_a_request_field_by_field_so_that_one_reader_serves_both() {
    assert_eq!(fields("CheckContactRequest"), fields("RequestContactRequest"));
    assert_eq!(fields("CheckContactResponse"), fields("RequestContactResponse"));
}

#[test]
fn every_method_of_the_service_has_its_verb() {
    const VERBS: [Verb; 11] = [
        Verb::RequestContact,
        Verb::CheckContact,
        Verb::BatchRequestContacts,
        Verb::StreamRequestContacts,
        Verb::ConfirmContact,
        Verb::ReleaseContact,
        Verb::RecordEngagements,
        Verb::RegisterClaims,
        Verb::WithdrawClaims,
        Verb::ListClaims,
        Verb::ExplainCustomer,
    ];
    let schema = schema();
    let service = schema
        .file
        .iter()
        .flat_map(|file| &file.service)
        .find(|service| service.name() == "ArbitrationService")
        .unwrap();
    let methods: Vec<&str> = service.method.iter().map(prost_types::MethodDescriptorProto::name).collect();
    assert_eq!(methods, VERBS.map(|verb| format!("{verb:?}")));
}

#[test]
fn what_is_not_served_yet_has_its_place_already() {
    let context = message("CustomerContext");
    assert!(context.field.iter().any(|field| field.name() == "country"));
}
