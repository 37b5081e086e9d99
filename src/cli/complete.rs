//! kubectl's completion protocol (kubectl `pkg/cmd/plugin/plugin_completion.go`): words in, one choice a line out, and a
//! last line that says what the shell may add.

use clap::ValueHint;
use clap::builder::PossibleValue;

use crate::correlate;
use crate::report::sanitise;

use super::args;
use super::grammar::kinds::{self, Kind};

/// What names are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Objects of a kind; `None` is the namespace of the flags or the context.
    Objects(Kind, Option<String>),
    Namespaces,
    /// A list of the kubeconfig: `contexts`, `clusters` or `users`.
    Kubeconfig(&'static str),
}

/// What the shell may do with the choices (cobra's `ShellCompDirective`).
const NO_FILES: u8 = 4;
const NO_SPACE: u8 = 2;
const FILES: u8 = 0;

/// Choices and the directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// The word and what it means.
    pub lines: Vec<(String, String)>,
    pub directive: u8,
}

impl Choices {
    /// The protocol's text. Names from a cluster must not add a line or a directive.
    pub fn print(&self) -> String {
        let mut out = String::new();
        for (choice, about) in &self.lines {
            out.push_str(&sanitise::line(choice));
            if !about.is_empty() {
                out.push('\t');
                out.push_str(&sanitise::line(about));
            }
            out.push('\n');
        }
        out.push(':');
        out.push_str(&self.directive.to_string());
        out.push('\n');
        out
    }

    fn none() -> Self {
        Self { lines: Vec::new(), directive: NO_FILES }
    }

    fn of(partial: &str, candidates: impl Iterator<Item = (String, String)>) -> Self {
        let lines = candidates.filter(|(choice, _)| choice.starts_with(partial)).collect();
        Self { lines, directive: NO_FILES }
    }
}

/// The words typed so far, read as far as completion needs.
#[derive(Debug, Default)]
struct Typed<'a> {
    positionals: Vec<&'a str>,
    /// The flag whose value is being typed.
    open_flag: Option<String>,
}

/// The choices for the last word, which may be empty. `names` lists what exists.
pub fn choices(words: &[String], names: &mut dyn FnMut(&Wanted) -> Vec<String>) -> Choices {
    let command = args::command("kubectl-netcheck");
    let Some((partial, before)) = words.split_last() else {
        return choices(&[String::new()], names);
    };
    let typed = read(&command, before);
    if let Some(flag) = typed.open_flag {
        return flag_value(&command, &typed.positionals, &flag, "", partial, names);
    }
    if let Some((flag, value)) = partial.strip_prefix("--").and_then(|p| p.split_once('=')) {
        return flag_value(&command, &typed.positionals, flag, &format!("--{flag}="), value, names);
    }
    if partial.starts_with('-') {
        return flags(&command, &typed.positionals, partial);
    }
    match typed.positionals.split_first() {
        Some((&"explain", [])) => {
            Choices::of(partial, correlate::metas().iter().map(|m| (m.code.to_owned(), m.title.to_owned())))
        }
        Some((&"completion", [])) => {
            let shells = ["bash", "zsh", "fish", "powershell"];
            Choices::of(partial, shells.iter().map(|s| ((*s).to_owned(), String::new())))
        }
        Some((&"policy", [sub, ..])) if scope(&command, &["policy"]).find_subcommand(sub).is_some() => Choices::none(),
        Some((&("collect" | "policy"), words)) => question(scope(&command, &typed.positionals), words, partial, names),
        Some((first, _)) if command.find_subcommand(first).is_some() => Choices::none(),
        _ => question(&command, &typed.positionals, partial, names),
    }
}

fn read<'a>(command: &clap::Command, before: &'a [String]) -> Typed<'a> {
    let mut typed = Typed::default();
    let mut words = before.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-').filter(|f| !f.is_empty()) else {
            typed.positionals.push(word);
            continue;
        };
        if flag.contains('=') {
            continue;
        }
        let name = flag.strip_prefix('-').unwrap_or(flag);
        let takes_value = find_flag(command, &typed.positionals, name).is_some_and(needs_value);
        if takes_value && words.next().is_none() {
            typed.open_flag = Some(name.to_owned());
        }
    }
    typed
}

fn needs_value(arg: &clap::Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

/// The command that the first words name, through any depth.
fn scope<'a>(command: &'a clap::Command, positionals: &[&str]) -> &'a clap::Command {
    match positionals.split_first().and_then(|(first, rest)| Some((command.find_subcommand(first)?, rest))) {
        Some((inner, rest)) => scope(inner, rest),
        None => command,
    }
}

/// The flags of the command being typed, and those every command takes.
fn flags_of<'a>(command: &'a clap::Command, positionals: &[&str]) -> impl Iterator<Item = &'a clap::Arg> {
    let scope = scope(command, positionals);
    let is_root = std::ptr::eq(scope, command);
    let inherited = command.get_arguments().filter(move |a| !is_root && a.is_global_set());
    scope.get_arguments().chain(inherited).filter(|a| !a.is_positional() && !a.is_hide_set())
}

fn find_flag<'a>(command: &'a clap::Command, positionals: &[&str], name: &str) -> Option<&'a clap::Arg> {
    let is_short = |a: &clap::Arg| a.get_short().is_some_and(|s| name.len() == 1 && name.starts_with(s));
    flags_of(command, positionals).find(|a| a.get_long() == Some(name) || is_short(a))
}

fn flags(command: &clap::Command, positionals: &[&str], partial: &str) -> Choices {
    let flags = flags_of(command, positionals).filter_map(|a| {
        let about = a.get_help().map(ToString::to_string).unwrap_or_default();
        Some((format!("--{}", a.get_long()?), about))
    });
    Choices::of(partial, flags)
}

fn flag_value(
    command: &clap::Command,
    positionals: &[&str],
    name: &str,
    prefix: &str,
    partial: &str,
    names: &mut dyn FnMut(&Wanted) -> Vec<String>,
) -> Choices {
    let Some(arg) = find_flag(command, positionals, name) else {
        return Choices::none();
    };
    let with_prefix = |values: Vec<String>| {
        let all = values.into_iter().map(|v| (format!("{prefix}{v}"), String::new()));
        Choices::of(&format!("{prefix}{partial}"), all)
    };
    if matches!(arg.get_value_hint(), ValueHint::FilePath | ValueHint::DirPath | ValueHint::AnyPath) {
        return Choices { lines: Vec::new(), directive: FILES };
    }
    match arg.get_id().as_str() {
        "namespace" => with_prefix(names(&Wanted::Namespaces)),
        "context" => with_prefix(names(&Wanted::Kubeconfig("contexts"))),
        "cluster" => with_prefix(names(&Wanted::Kubeconfig("clusters"))),
        "user" => with_prefix(names(&Wanted::Kubeconfig("users"))),
        "protocol" => with_prefix(["tcp", "udp", "sctp"].map(str::to_owned).to_vec()),
        _ => with_prefix(arg.get_possible_values().iter().map(PossibleValue::get_name).map(str::to_owned).collect()),
    }
}

/// Choices for the words of a question.
fn question(
    command: &clap::Command,
    positionals: &[&str],
    partial: &str,
    names: &mut dyn FnMut(&Wanted) -> Vec<String>,
) -> Choices {
    let cut = positionals.iter().position(|word| *word == "to").filter(|at| *at > 0);
    let (is_source, end) = match cut {
        Some(at) => (false, positionals.get(at + 1..).unwrap_or_default()),
        None => (true, positionals),
    };
    match end {
        [] => first_word(command, is_source, positionals.is_empty(), partial, names),
        [kind] if Kind::read(kind).is_some() => {
            Kind::read(kind).map_or_else(Choices::none, |kind| match partial.split_once('/') {
                Some((namespace, _)) => prefixed(&format!("{namespace}/"), partial, objects(kind, Some(namespace), names)),
                None => prefixed("", partial, objects(kind, None, names)),
            })
        }
        [_] | [_, _] if is_source => Choices::of(partial, std::iter::once(("to".to_owned(), "then the destination".to_owned()))),
        _ => Choices::none(),
    }
}

fn objects(kind: Kind, namespace: Option<&str>, names: &mut dyn FnMut(&Wanted) -> Vec<String>) -> Vec<String> {
    names(&Wanted::Objects(kind, namespace.map(str::to_owned)))
}

fn prefixed(prefix: &str, partial: &str, names: Vec<String>) -> Choices {
    Choices::of(partial, names.into_iter().map(|n| (format!("{prefix}{n}"), String::new())))
}

/// The first word of an end: a kind, a fixed word, a name, or what follows a slash.
fn first_word(
    command: &clap::Command,
    is_source: bool,
    is_very_first: bool,
    partial: &str,
    names: &mut dyn FnMut(&Wanted) -> Vec<String>,
) -> Choices {
    match partial.split('/').collect::<Vec<_>>().as_slice() {
        [kind, rest @ ..] if !rest.is_empty() && Kind::read(kind).is_some() => {
            let Some(known) = Kind::read(kind) else { return Choices::none() };
            return match rest {
                [namespace, _] => prefixed(&format!("{kind}/{namespace}/"), partial, objects(known, Some(namespace), names)),
                [_] => prefixed(&format!("{kind}/"), partial, objects(known, None, names)),
                _ => Choices::none(),
            };
        }
        [namespace, _] => return prefixed(&format!("{namespace}/"), partial, objects(Kind::Pod, Some(namespace), names)),
        _ => {}
    }
    let kinds = kinds::spellings().filter(|s| !is_source || Kind::read(s).is_some_and(Kind::has_pods));
    // all spellings would be noise: the short forms, and others once the user began one
    let common = ["pod", "svc", "ingress", "gateway", "httproute", "deploy", "sts", "ds", "rs", "job", "cronjob", "node"];
    let kinds = kinds.filter(|s| common.contains(s) || !partial.is_empty()).map(|s| {
        let about = Kind::read(s).map_or("", Kind::singular);
        (s.to_owned(), if about == s { String::new() } else { about.to_owned() })
    });
    let fixed =
        [("apiserver", "the API server, as pods see it"), ("internet", "the world outside"), ("dns", "the cluster's DNS")];
    // only policies can be asked about traffic from outside
    let outside = command.get_name() == "policy";
    let fixed = fixed
        .iter()
        .filter(|(word, _)| !is_source || outside && *word == "internet")
        .map(|(word, about)| ((*word).to_owned(), (*about).to_owned()));
    let commands = command.get_subcommands().filter(|c| is_very_first && !c.is_hide_set());
    let commands = commands.map(|c| (c.get_name().to_owned(), c.get_about().map(ToString::to_string).unwrap_or_default()));
    let live: Vec<(String, String)> = if is_source {
        objects(Kind::Pod, None, names).into_iter().map(|n| (n, "pod".to_owned())).collect()
    } else {
        objects(Kind::Service, None, names).into_iter().map(|n| (format!("svc/{n}"), "service".to_owned())).collect()
    };
    let mut choices = Choices::of(partial, commands.chain(live).chain(kinds).chain(fixed));
    if let [(only, _)] = choices.lines.as_slice()
        && only.ends_with('/')
    {
        choices.directive |= NO_SPACE;
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small cluster: what each listing would answer.
    fn cluster(wanted: &Wanted) -> Vec<String> {
        let names: &[&str] = match wanted {
            Wanted::Objects(Kind::Pod, None) => &["client", "web-0"],
            Wanted::Objects(Kind::Pod, Some(namespace)) if namespace == "shop" => &["cart"],
            Wanted::Objects(Kind::Service | Kind::Deployment, None) => &["web"],
            Wanted::Objects(Kind::Service, Some(_)) => &["db"],
            Wanted::Namespaces => &["default", "shop"],
            Wanted::Kubeconfig("contexts") => &["kind", "prod"],
            Wanted::Objects(..) | Wanted::Kubeconfig(_) => &[],
        };
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    /// The words as the shell has them; a space at the end starts a new word.
    fn complete(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        choices(&words, &mut |w| cluster(w)).lines.into_iter().map(|(choice, _)| choice).collect()
    }

    #[test]
    fn questions() {
        assert_eq!(complete("pod "), ["client", "web-0"]);
        assert_eq!(complete("pod cl"), ["client"]);
        assert_eq!(complete("po/"), ["po/client", "po/web-0"]);
        assert_eq!(complete("deploy/w"), ["deploy/web"]);
        assert_eq!(complete("pod shop/"), ["shop/cart"]);
        assert_eq!(complete("shop/c"), ["shop/cart"]);
        assert_eq!(complete("pod client "), ["to"]);
        assert_eq!(complete("pod/client t"), ["to"]);
        assert_eq!(complete("client to sv"), ["svc/web", "svc"]);
        assert_eq!(complete("client to svc/"), ["svc/web"]);
        assert_eq!(complete("client to svc/shop/"), ["svc/shop/db"]);
        assert_eq!(complete("client to svc "), ["web"]);
        assert_eq!(complete("client to inter"), ["internet"]);
        assert_eq!(complete("client to svc web "), Vec::<String>::new());
        assert_eq!(complete("client to svc/web "), Vec::<String>::new());
    }

    #[test]
    fn policy_takes_a_question() {
        assert_eq!(complete("policy client to svc/"), ["svc/web"]);
        assert_eq!(complete("policy po/"), ["po/client", "po/web-0"]);
        assert_eq!(complete("policy --from"), ["--from"]);
        assert_eq!(complete("policy --no-p"), Vec::<String>::new());
        assert_eq!(complete("policy inter"), ["internet"]);
    }

    #[test]
    fn collect_takes_a_question() {
        assert_eq!(complete("collect po/"), ["po/client", "po/web-0"]);
        assert_eq!(complete("collect client to svc/"), ["svc/web"]);
        assert_eq!(complete("collect --no-p"), ["--no-probes"]);
        assert!(!complete("collect ").contains(&"explain".to_owned()));
    }

    #[test]
    fn a_source_is_no_service() {
        let first = complete("");
        assert!(
            first.contains(&"client".to_owned()) && first.contains(&"pod".to_owned()) && first.contains(&"explain".to_owned())
        );
        assert!(!first.contains(&"svc".to_owned()) && !first.contains(&"internet".to_owned()), "{first:?}");
        let destination = complete("client to ");
        assert!(destination.contains(&"svc/web".to_owned()) && destination.contains(&"dns".to_owned()));
        assert!(!destination.contains(&"explain".to_owned()));
    }

    #[test]
    fn flags_and_their_values() {
        assert_eq!(complete("-n "), ["default", "shop"]);
        assert_eq!(complete("-n shop pod client to svc w"), ["web"]);
        assert_eq!(complete("--namespace=s"), ["--namespace=shop"]);
        assert_eq!(complete("--context "), ["kind", "prod"]);
        assert_eq!(complete("client to svc web -o j"), ["json"]);
        assert_eq!(complete("--no-p"), ["--no-probes"]);
        assert_eq!(complete("explain --conte"), ["--context"]);
        assert_eq!(complete("explain --no-p"), Vec::<String>::new());
        assert_eq!(complete("completion z"), ["zsh"]);
        assert_eq!(choices(&["collect".into(), "-w".into(), String::new()], &mut |w| cluster(w)).directive, FILES);
        assert_eq!(choices(&["--kubeconfig".into(), String::new()], &mut |w| cluster(w)).directive, FILES);
        assert_eq!(complete("--insecure-skip-tls-verify pod cl"), ["client"]);
    }

    #[test]
    fn the_last_line_is_the_directive() {
        let hostile = choices(&["pod".into(), String::new()], &mut |_| vec!["a\n:0\u{1b}[2J".into()]);
        assert_eq!(hostile.print(), "a :0[2J\n:4\n");
        assert_eq!(choices(&[], &mut |_| Vec::new()).directive, NO_FILES);
    }
}
