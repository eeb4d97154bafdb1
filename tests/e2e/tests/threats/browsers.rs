//! What browsers do for others: BR-01 to BR-07.

mod endpoints;
mod pages;
