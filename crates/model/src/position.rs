//! Where a value was written, kept beside it so that any later complaint can
//! point at the line.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As people call it: relative to the project where it lies in it.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// A file of this name and text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            path: path.into(),
            text: text.into(),
        })
    }
}

/// A place in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Position {
    /// The file.
    pub file: Arc<SourceFile>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Offset of the first byte.
    pub offset: usize,
    /// Length in bytes; 0 where nothing is there (a missing key).
    pub length: usize,
    /// The way to it within the document: `clusters.frontend.nodes[1]`.
    pub path: String,
}

impl Position {
    /// The first character of a file: for complaints about the whole of it.
    pub fn start_of(file: &Arc<SourceFile>) -> Self {
        Self {
            file: Arc::clone(file),
            line: 1,
            column: 1,
            offset: 0,
            length: 0,
            path: String::new(),
        }
    }

    /// The file's path.
    pub fn file_path(&self) -> &Path {
        &self.file.path
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}:{}",
            self.file.path.display(),
            self.line,
            self.column
        )
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// A value and where it was written. Two are equal when their values are.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub at: Position,
}

impl<T> Spanned<T> {
    /// A value with its place.
    pub fn new(value: T, at: Position) -> Self {
        Self { value, at }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(formatter)
    }
}
