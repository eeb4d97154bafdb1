//! What a person does on pages: forms, the login, the sign-out.

use super::{Client, Response};
use crate::html;

impl Client {
    /// Submits the form of a page with further values; follows nothing.
    ///
    /// # Panics
    ///
    /// When the page has no form.
    #[track_caller]
    pub fn submit(&mut self, page: &Response, form: &html::Form, values: &[(&str, &str)]) -> Response {
        let mut target = page.url.join(&form.action).expect("a form's action is a URL");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for input in form.inputs.iter().filter(|input| input.kind == "hidden") {
            query.append_pair(&input.name, &input.value);
        }
        for (name, value) in values {
            query.append_pair(name, value);
        }
        let content = query.finish();
        if form.post {
            let kind = ("Content-Type", "application/x-www-form-urlencoded");
            return self.send("POST", &target, &[kind], content.as_bytes());
        }
        target.set_query(Some(&content));
        self.send("GET", &target, &[], b"")
    }

    /// Gets a URL as a browser does that somebody types it into; follows nothing.
    #[track_caller]
    pub fn type_in(&mut self, url: &str) -> Response {
        let fields = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")];
        self.get_with(url, &fields)
    }

    /// Opens a URL and follows its redirects.
    #[track_caller]
    pub fn open(&mut self, url: &str) -> Response {
        let first = self.get(url);
        self.follow(first)
    }

    /// Opens a URL and follows it to the provider's login form.
    ///
    /// # Panics
    ///
    /// When there is no login form at the end.
    #[track_caller]
    pub fn login_form(&mut self, url: &str) -> Response {
        let page = self.open(url);
        assert!(
            page.forms()
                .iter()
                .any(|form| form.input(&["password"]).is_some()),
            "{url} led to {} ({}), not to a login form:\n{}",
            page.url,
            page.status,
            page.text()
        );
        page
    }

    /// Fills in a login form; follows nothing.
    ///
    /// # Panics
    ///
    /// When the page has no login form.
    #[track_caller]
    pub fn fill_login(&mut self, page: &Response, user: &str, password: &str) -> Response {
        let forms = page.forms();
        let form = forms
            .iter()
            .find(|form| form.input(&["password"]).is_some())
            .expect("a login form");
        let name = |kinds| {
            form.input(kinds)
                .map(|input| input.name.clone())
                .expect("an input for it")
        };
        let (user_field, password_field) = (name(&["email", "text"]), name(&["password"]));
        self.submit(page, form, &[(&user_field, user), (&password_field, password)])
    }

    /// Logs in with the provider's form and returns the page at the end.
    ///
    /// # Panics
    ///
    /// When `url` does not lead to a login form.
    #[track_caller]
    pub fn login(&mut self, url: &str, user: &str, password: &str) -> Response {
        let page = self.login_form(url);
        let sent = self.fill_login(&page, user, password);
        self.follow(sent)
    }

    /// Signs out by `url`, as a browser does that somebody types it into, pressing
    /// whatever button a page asks to press.
    #[track_caller]
    pub fn sign_out(&mut self, url: &str) -> Response {
        let first = self.type_in(url);
        let mut page = self.follow(first);
        for _ in 0..3 {
            let forms = page.forms();
            let Some(form) = forms
                .iter()
                .find(|form| form.post && form.input(&["password"]).is_none())
            else {
                break;
            };
            let sent = self.submit(&page, form, &[("logout", "yes")]);
            page = self.follow(sent);
        }
        page
    }
}
