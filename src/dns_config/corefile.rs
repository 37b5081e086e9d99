//! The Corefile: server blocks, their plugins, and what they mean for a name.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{Token, tokens};
use super::zone::{contains, normalise};
use super::{Forward, Transport, Zone};

/// A parsed Corefile (coredns/caddy v1.1.4, caddyfile/parse.go).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Corefile {
    /// In the order of the file.
    pub blocks: Vec<ServerBlock>,
    /// Imports of files that are not in this text. While there are any, what is missing below is unknown.
    pub imports: Vec<Import>,
}

/// Zones and the plugins that serve them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerBlock {
    pub zones: Vec<Zone>,
    /// In the order of the file. CoreDNS runs them in an order of its own.
    pub plugins: Vec<Directive>,
    /// Counted from 1.
    pub line: u32,
}

/// A plugin, or an option inside one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directive {
    pub name: String,
    pub args: Vec<String>,
    pub block: Vec<Self>,
    /// Counted from 1.
    pub line: u32,
}

/// `import /etc/coredns/custom/*.server`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub pattern: String,
    /// The zones of the server block it stands in; empty between blocks, where it may add whole server blocks.
    pub zones: Vec<Zone>,
    pub line: u32,
}

/// Why CoreDNS would refuse the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Corefile line {line}: {problem}")]
pub struct CorefileError {
    pub line: u32,
    pub problem: String,
}

impl Corefile {
    pub fn parse(text: &str) -> Result<Self, CorefileError> {
        let all = tokens(text);
        let mut parser =
            Parser { tokens: &all, at: 0, snippets: BTreeMap::new(), open: BTreeSet::new(), imports: Vec::new(), lines: 0 };
        let mut corefile = Self::default();
        while parser.peek().is_some() {
            if let Some(block) = parser.server_block()? {
                corefile.blocks.push(block);
            }
        }
        corefile.imports = parser.imports;
        Ok(corefile)
    }

    /// The server block that answers a name on a port over plain DNS: the one with the longest matching zone.
    pub fn block_for(&self, name: &str, port: u16) -> Option<&ServerBlock> {
        let fits = |zone: &&Zone| zone.transport == Transport::Dns && zone.port == port && zone.contains(name);
        let best = |block: &ServerBlock| block.zones.iter().filter(fits).map(|zone| zone.name.len()).max();
        // of two equal zones CoreDNS accepts only the first
        self.blocks.iter().rev().filter_map(|b| Some((best(b)?, b))).max_by_key(|(length, _)| *length).map(|(_, b)| b)
    }

    /// Domains of Services and pods, without the final dot: the zones of the `kubernetes` plugins that are no reverse zones.
    pub fn cluster_domains(&self) -> Vec<String> {
        let mut domains: Vec<String> = Vec::new();
        for block in &self.blocks {
            for plugin in block.all("kubernetes") {
                for zone in block.zones_of(plugin) {
                    let domain = zone.trim_end_matches('.').to_owned();
                    if !domain.is_empty() && !contains("arpa.", &zone) && !domains.contains(&domain) {
                        domains.push(domain);
                    }
                }
            }
        }
        domains
    }

    /// Zones other than `.` that are sent to servers of their own, and that line.
    pub fn stub_domains(&self) -> Vec<(String, Forward)> {
        let mut found = Vec::new();
        for block in &self.blocks {
            for forward in block.forwards() {
                if forward.from != "." {
                    found.push((forward.from.clone(), forward));
                } else if block.plugin("kubernetes").is_none() {
                    let named = block.zones.iter().filter(|zone| zone.name != ".");
                    found.extend(named.map(|zone| (zone.name.clone(), forward.clone())));
                }
            }
        }
        found
    }

    /// Every server block that listens for plain DNS on this port.
    pub fn listening(&self, port: u16) -> impl Iterator<Item = &ServerBlock> {
        self.blocks.iter().filter(move |b| b.zones.iter().any(|z| z.transport == Transport::Dns && z.port == port))
    }
}

impl ServerBlock {
    /// The first line of a plugin, such as `cache`, `loop`, `hosts`, `rewrite`, `ready`.
    pub fn plugin(&self, name: &str) -> Option<&Directive> {
        self.plugins.iter().find(|p| p.name == name)
    }

    /// Every line of a plugin.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Directive> {
        self.plugins.iter().filter(move |p| p.name == name)
    }

    pub fn forwards(&self) -> Vec<Forward> {
        self.plugins.iter().filter_map(Forward::of).collect()
    }

    /// The line that forwards a name which no other plugin of the block answers.
    pub fn forward_for(&self, name: &str) -> Option<Forward> {
        self.forwards().into_iter().find(|f| f.takes(name))
    }

    /// The zones a plugin that takes `[ZONES...]` works on: its arguments, else those of the block. Normalised.
    pub fn zones_of(&self, plugin: &Directive) -> Vec<String> {
        if plugin.args.is_empty() {
            return self.zones.iter().map(|zone| zone.name.clone()).collect();
        }
        plugin.args.iter().flat_map(|zone| Zone::parse(zone)).map(|zone| zone.name).collect()
    }

    /// The `kubernetes` plugin answers for this name.
    pub fn kubernetes_answers(&self, name: &str) -> bool {
        let name = normalise(name);
        self.all("kubernetes").flat_map(|p| self.zones_of(p)).any(|zone| contains(&zone, &name))
    }

    /// `bind` addresses, as NodeLocal DNS uses them. Empty: all addresses.
    pub fn bound_to(&self) -> Vec<&str> {
        self.all("bind").flat_map(|p| &p.args).map(String::as_str).collect()
    }
}

impl Directive {
    /// An option of its block.
    pub fn option(&self, name: &str) -> Option<&Self> {
        self.block.iter().find(|o| o.name == name)
    }
}

/// CoreDNS stops at 10,000 expansions of snippets; a Corefile of that size is not written by a person.
const MOST_LINES: u32 = 20_000;

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    snippets: BTreeMap<String, &'a [Token]>,
    /// Snippets that are being expanded now.
    open: BTreeSet<String>,
    imports: Vec<Import>,
    lines: u32,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// The next token stands on the line on which the one before it ended.
    fn same_line(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|i| self.tokens.get(i));
        let (Some(before), Some(next)) = (before, self.peek()) else { return false };
        before.line as usize + before.text.matches('\n').count() >= next.line as usize
    }

    fn wrong<T>(line: u32, problem: impl Into<String>) -> Result<T, CorefileError> {
        Err(CorefileError { line, problem: problem.into() })
    }

    /// One server block, or `None` for a snippet or an import between blocks.
    fn server_block(&mut self) -> Result<Option<ServerBlock>, CorefileError> {
        let Some(first) = self.peek() else { return Ok(None) };
        if first.text == "import" {
            self.at += 1;
            // a snippet between blocks could only add addresses, which no known Corefile does
            let pattern = self.import_argument(first.line)?;
            self.imports.push(Import { pattern, zones: Vec::new(), line: first.line });
            return Ok(None);
        }
        let keys = self.addresses(first.line)?;
        let braced = self.peek().is_some_and(|t| t.text == "{");
        if braced {
            self.at += 1;
        }
        if let [key] = keys.as_slice()
            && let Some(name) = key.strip_prefix('(').and_then(|k| k.strip_suffix(')'))
        {
            let body = self.body(first.line)?;
            if self.snippets.insert(name.to_owned(), body).is_some() {
                return Self::wrong(first.line, format!("the snippet {name} is declared twice"));
            }
            return Ok(None);
        }
        let mut block =
            ServerBlock { zones: keys.iter().flat_map(|k| Zone::parse(k)).collect(), plugins: Vec::new(), line: first.line };
        block.plugins = self.directives(&block.zones, braced.then_some(first.line))?;
        // CoreDNS drops a block without addresses
        Ok((!keys.is_empty()).then_some(block))
    }

    /// The words before `{`. A final comma continues on the next line.
    fn addresses(&mut self, line: u32) -> Result<Vec<String>, CorefileError> {
        let mut keys = Vec::new();
        loop {
            let Some(token) = self.peek() else { return Ok(keys) };
            if token.text == "{" {
                return Ok(keys);
            }
            if token.text == "}" {
                return Self::wrong(token.line, "there is a } without its {");
            }
            self.at += 1;
            let more = token.text.ends_with(',');
            if more && self.peek().is_none_or(|t| t.text == "{") {
                return Self::wrong(line, "an address is missing behind a comma");
            }
            keys.extend(token.text.split(',').filter(|k| !k.is_empty()).map(str::to_owned));
            if !more && !self.same_line() {
                return Ok(keys);
            }
        }
    }

    /// The tokens up to the brace that closes the one just read.
    fn body(&mut self, line: u32) -> Result<&'a [Token], CorefileError> {
        let start = self.at;
        let mut depth = 1_u32;
        while let Some(token) = self.next() {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(self.tokens.get(start..self.at - 1).unwrap_or_default());
            }
        }
        Self::wrong(line, "a { is never closed")
    }

    /// Lines up to the closing brace when the block was opened on a line, else to the end.
    fn directives(&mut self, zones: &[Zone], opened: Option<u32>) -> Result<Vec<Directive>, CorefileError> {
        let mut found = Vec::new();
        while let Some(token) = self.next() {
            self.lines += 1;
            if self.lines > MOST_LINES {
                return Self::wrong(token.line, "there are too many lines");
            }
            match token.text.as_str() {
                "}" if opened.is_some() => return Ok(found),
                "}" => return Self::wrong(token.line, "there is a } without its {"),
                "import" => {
                    let pattern = self.import_argument(token.line)?;
                    found.extend(self.imported(pattern, zones, token.line)?);
                }
                name => found.push(self.directive(name, token.line, zones)?),
            }
        }
        match opened {
            Some(line) => Self::wrong(line, "a { is never closed"),
            None => Ok(found),
        }
    }

    fn directive(&mut self, name: &str, line: u32, zones: &[Zone]) -> Result<Directive, CorefileError> {
        let mut directive = Directive { name: name.to_owned(), line, ..Directive::default() };
        while self.same_line() {
            let Some(token) = self.peek() else { break };
            if token.text == "}" {
                // closes the enclosing block on the same line
                break;
            }
            self.at += 1;
            if token.text == "{" {
                directive.block = self.directives(zones, Some(token.line))?;
                break;
            }
            directive.args.push(token.text.clone());
        }
        Ok(directive)
    }

    fn import_argument(&mut self, line: u32) -> Result<String, CorefileError> {
        if !self.same_line() {
            return Self::wrong(line, "import names nothing");
        }
        self.next().map_or_else(|| Self::wrong(line, "import names nothing"), |token| Ok(token.text.clone()))
    }

    /// The lines of a snippet; the import of a file is noted and adds nothing.
    fn imported(&mut self, pattern: String, zones: &[Zone], line: u32) -> Result<Vec<Directive>, CorefileError> {
        let Some(&body) = self.snippets.get(&pattern) else {
            self.imports.push(Import { pattern, zones: zones.to_vec(), line });
            return Ok(Vec::new());
        };
        if !self.open.insert(pattern.clone()) {
            return Self::wrong(line, format!("the snippet {pattern} imports itself"));
        }
        let (tokens, at) = (std::mem::replace(&mut self.tokens, body), std::mem::replace(&mut self.at, 0));
        let lines = self.directives(zones, None);
        (self.tokens, self.at) = (tokens, at);
        self.open.remove(&pattern);
        lines
    }
}

#[cfg(test)]
#[path = "corefile_tests.rs"]
mod tests;
