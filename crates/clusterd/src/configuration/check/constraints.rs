//! Locations, colocations and orders: names that exist, wishes that can come true.

use super::Check;
use cluster_model::constraint::{OrderKind, OrderedAction, Preference, Rule, ValueKind};
use cluster_model::state::Role;
use std::collections::{BTreeMap, BTreeSet};

impl Check<'_> {
    pub(super) fn locations(&mut self) {
        let mut ids = BTreeSet::new();
        for location in &self.configuration.locations {
            let place = format!("locations: {}", location.id);
            if !ids.insert(&location.id) {
                self.wrong(&place, "is there twice");
            }
            self.resource(&place, &location.resource, location.role);
            match &location.preference {
                Preference::Node { node, .. } => self.node(&place, node),
                Preference::Rule { rule, .. } => self.rule(&place, rule),
            }
        }
    }

    fn rule(&mut self, place: &str, rule: &Rule) {
        match rule {
            Rule::All(rules) | Rule::Any(rules) => {
                if rules.is_empty() {
                    self.wrong(place, "an empty rule");
                }
                for rule in rules {
                    self.rule(place, rule);
                }
            }
            Rule::Compare {
                attribute,
                value,
                kind,
                ..
            } => {
                if attribute == "#uname" {
                    self.node(place, value);
                }
                let integer = *kind == Some(ValueKind::Integer);
                if integer && value.parse::<i64>().is_err() {
                    self.wrong(place, format!("`{value}` is no whole number"));
                }
            }
            Rule::Defined(_) | Rule::NotDefined(_) => {}
        }
    }

    pub(super) fn colocations(&mut self) {
        let mut ids = BTreeSet::new();
        for colocation in &self.configuration.colocations {
            let place = format!("colocations: {}", colocation.id);
            if !ids.insert(&colocation.id) {
                self.wrong(&place, "is there twice");
            }
            self.resource(&place, &colocation.resource, colocation.role);
            self.resource(&place, &colocation.with, colocation.with_role);
            if colocation.resource == colocation.with {
                let name = &colocation.with;
                self.wrong(&place, format!("{name} is always with itself"));
            }
        }
    }

    pub(super) fn orders(&mut self) {
        let mut ids = BTreeSet::new();
        let role = |action: OrderedAction| match action {
            OrderedAction::Promote | OrderedAction::Demote => Some(Role::Promoted),
            OrderedAction::Start | OrderedAction::Stop => None,
        };
        for order in &self.configuration.orders {
            let place = format!("orders: {}", order.id);
            if !ids.insert(&order.id) {
                self.wrong(&place, "is there twice");
            }
            self.resource(&place, &order.first, role(order.first_action));
            self.resource(&place, &order.then, role(order.then_action));
            if order.first == order.then && order.first_action == order.then_action {
                let name = &order.first;
                self.wrong(&place, format!("{name} would wait for itself"));
            }
        }
        self.circle();
    }

    /// Starts that wait for each other wait for ever.
    fn circle(&mut self) {
        let orders = self.configuration.orders.iter();
        let mandatory = orders.filter(|order| {
            order.kind == OrderKind::Mandatory
                && order.first_action == OrderedAction::Start
                && order.then_action == OrderedAction::Start
                && order.first != order.then
        });
        let mut after: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for order in mandatory {
            after.entry(&order.then).or_default().insert(&order.first);
        }
        // What waits for nothing that is left is no part of a circle.
        loop {
            let waiting: BTreeSet<&str> = after.keys().copied().collect();
            let before = after.len();
            after.retain(|_, first| first.iter().any(|name| waiting.contains(name)));
            if after.len() == before {
                break;
            }
        }
        if !after.is_empty() {
            let names: Vec<_> = after.keys().copied().collect();
            let names = names.join(", ");
            self.wrong("orders", format!("{names} wait for each other for ever"));
        }
    }
}
