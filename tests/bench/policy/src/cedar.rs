//! cedar-policy: the policies parsed and the entities built beforehand. A decision
//! makes the request, which names the user and carries path, method and address.

use crate::{Request, User, groups};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicyId,
    PolicySet, Request as Question, Response, RestrictedExpression,
};
use std::collections::{HashMap, HashSet};

pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    user: EntityTypeName,
    action: EntityUid,
    resource: EntityUid,
}

impl Cedar {
    /// Policies are given with their ids.
    pub(crate) fn new(policies: &[(&str, &str)], entities: Entities) -> Self {
        let policies = policies
            .iter()
            .map(|(id, text)| Policy::parse(Some(PolicyId::new(id)), text).expect("a policy"));
        Self {
            authorizer: Authorizer::new(),
            policies: PolicySet::from_policies(policies).expect("different ids"),
            entities,
            user: "User".parse().expect("a name"),
            action: uid("Action", "open"),
            resource: uid("Route", "reports"),
        }
    }

    /// The question, by the user's id or address.
    pub(crate) fn question(&self, user: &str, request: &Request<'_>) -> Question {
        let user = EntityUid::from_type_name_and_id(self.user.clone(), EntityId::new(user));
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let context = Context::from_pairs([
            ("ip".to_owned(), text(&request.source_ip.to_string())),
            ("method".to_owned(), text(request.method)),
            ("path".to_owned(), text(request.path)),
        ]);
        let context = context.expect("a context");
        Question::new(user, self.action.clone(), self.resource.clone(), context, None).expect("a request")
    }

    pub(crate) fn answer(&self, question: &Question) -> Response {
        self.answer_with(question, &self.entities)
    }

    pub(crate) fn answer_with(&self, question: &Question, entities: &Entities) -> Response {
        self.authorizer.is_authorized(question, &self.policies, entities)
    }
}

pub(crate) fn allowed(response: &Response) -> bool {
    response.decision() == Decision::Allow
}

/// A user as an entity, who is in the groups that the claims name.
pub(crate) fn entity(id: &str, email: &str, claims: &portcullis_model::Claims) -> Entity {
    let attributes = HashMap::from([(
        "email".to_owned(),
        RestrictedExpression::new_string(email.to_owned()),
    )]);
    let parents = groups(claims).map(|group| uid("Group", group)).collect();
    Entity::new(uid("User", id), attributes, parents).expect("an entity")
}

pub(crate) fn entities(users: &[User]) -> Entities {
    let users = users.iter().map(|user| entity(user.id, user.email, &user.claims));
    Entities::from_entities(users, None).expect("entities")
}

/// Users by their addresses, all in the group `listed`.
pub(crate) fn listed(emails: &[String]) -> Entities {
    let group = HashSet::from([uid("Group", "listed")]);
    let users = emails
        .iter()
        .map(|email| Entity::new_no_attrs(uid("User", email), group.clone()));
    Entities::from_entities(users, None).expect("entities")
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().expect("a name"), EntityId::new(id))
}
