//! A persistent, ordered set of keys: a B+ tree whose nodes are shared between its versions.
//!
//! A version is one pointer, and costs nothing to keep. What a change touches is copied first where another version has it too: one
//! leaf and the way to it, some kilobytes, whatever the size of the set. So whoever reads has all of one version for as long as
//! that takes, and no lock.

use std::sync::Arc;

use smallvec::SmallVec;

/// Three words, compared from the first to the last.
pub(super) type Key = [u32; 3];

/// How many keys a leaf has at most.
const LEAF_KEYS_MAX: usize = 256;
/// How many children an inner node has at most.
const CHILDREN_MAX: usize = 64;
/// How full nodes are that are made at once: seven eighths.
const FILL: (usize, usize) = (7, 8);
/// Nodes with less than this share of what they hold are joined with a neighbour: a quarter.
const SPARSE: usize = 4;

/// A set of keys.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Arc<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    /// In order.
    Leaf(Vec<Key>),
    /// Children in order, none without keys, each with a key that is not above any of its own and above all before it.
    Inner(Vec<Child>),
}

#[derive(Clone, Debug)]
struct Child {
    from: Key,
    node: Arc<Node>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::of(Node::Leaf(Vec::new()))
    }
}

impl Tree {
    fn of(root: Node) -> Self {
        Self { root: Arc::new(root) }
    }

    /// A set of keys that come in order, each once.
    pub(super) fn from_ordered(keys: &[Key]) -> Self {
        let (full, of) = FILL;
        let leaves = keys.chunks(LEAF_KEYS_MAX * full / of);
        let mut level: Vec<Child> = leaves.filter_map(|keys| Child::of(Node::Leaf(keys.to_vec()))).collect();
        while level.len() > 1 {
            let groups = level.chunks(CHILDREN_MAX * full / of);
            level = groups
                .filter_map(|group| Child::of(Node::Inner(group.to_vec())))
                .collect();
        }
        level
            .pop()
            .map_or_else(Self::default, |child| Self { root: child.node })
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        let mut node = &self.root;
        loop {
            match &**node {
                Node::Leaf(keys) => return keys.binary_search(key).is_ok(),
                Node::Inner(children) => match children.get(place(children, key)) {
                    Some(child) => node = &child.node,
                    None => return false,
                },
            }
        }
    }

    /// The keys from one to another, both included, in order.
    pub(super) fn range(&self, first: Key, last: Key) -> Range<'_> {
        let mut ways = SmallVec::new();
        let mut node = &self.root;
        let keys = loop {
            match &**node {
                Node::Leaf(keys) => {
                    let at = keys.partition_point(|key| *key < first);
                    break keys.get(at..).unwrap_or_default().iter();
                }
                Node::Inner(children) => {
                    let mut way = children.get(place(children, &first)..).unwrap_or_default().iter();
                    let Some(child) = way.next() else { break [].iter() };
                    ways.push(way);
                    node = &child.node;
                }
            }
        };
        Range { keys, ways, last }
    }

    /// Adds a key, and tells whether it was not there.
    pub(super) fn insert(&mut self, key: Key) -> bool {
        // First: what is there already must not cost a copy.
        if self.contains(&key) {
            return false;
        }
        if let Some(second) = Arc::make_mut(&mut self.root).insert(key) {
            let first = Child {
                from: Key::default(),
                node: Arc::clone(&self.root),
            };
            *self = Self::of(Node::Inner(vec![first, second]));
        }
        true
    }

    /// Takes a key out, and tells whether it was there.
    pub(super) fn remove(&mut self, key: &Key) -> bool {
        if !self.contains(key) {
            return false;
        }
        Arc::make_mut(&mut self.root).remove(key);
        while let Node::Inner(children) = &*self.root
            && let [only] = children.as_slice()
        {
            self.root = Arc::clone(&only.node);
        }
        true
    }
}

/// In which child a key is, if it is anywhere.
fn place(children: &[Child], key: &Key) -> usize {
    children.partition_point(|child| child.from <= *key).saturating_sub(1)
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(keys) => keys.len(),
            Self::Inner(children) => children.len(),
        }
    }

    fn len_max(&self) -> usize {
        match self {
            Self::Leaf(_) => LEAF_KEYS_MAX,
            Self::Inner(_) => CHILDREN_MAX,
        }
    }

    /// A lower bound of its keys.
    fn from(&self) -> Option<Key> {
        match self {
            Self::Leaf(keys) => keys.first().copied(),
            Self::Inner(children) => children.first().map(|child| child.from),
        }
    }

    /// Adds a key that is not there. Where that was too much, gives back the upper half of what it had.
    fn insert(&mut self, key: Key) -> Option<Child> {
        match self {
            Self::Leaf(keys) => {
                let at = keys.partition_point(|known| *known < key);
                keys.insert(at, key);
            }
            Self::Inner(children) => {
                let at = place(children, &key);
                let child = children.get_mut(at)?;
                child.from = child.from.min(key);
                let split = Arc::make_mut(&mut child.node).insert(key);
                if let Some(split) = split {
                    children.insert(at + 1, split);
                }
            }
        }
        if self.len() <= self.len_max() {
            return None;
        }
        Child::of(match self {
            Self::Leaf(keys) => Self::Leaf(keys.split_off(keys.len() / 2)),
            Self::Inner(children) => Self::Inner(children.split_off(children.len() / 2)),
        })
    }

    /// Takes out a key that is there.
    fn remove(&mut self, key: &Key) {
        match self {
            Self::Leaf(keys) => {
                if let Ok(at) = keys.binary_search(key) {
                    keys.remove(at);
                }
            }
            Self::Inner(children) => {
                let at = place(children, key);
                if let Some(child) = children.get_mut(at) {
                    Arc::make_mut(&mut child.node).remove(key);
                }
                tidy(children, at);
            }
        }
    }

    /// Takes in what its right neighbour has.
    fn absorb(&mut self, right: &Self) {
        match (self, right) {
            (Self::Leaf(keys), Self::Leaf(more)) => keys.extend_from_slice(more),
            (Self::Inner(children), Self::Inner(more)) => children.extend_from_slice(more),
            // All leaves are equally deep.
            _ => {}
        }
    }
}

impl Child {
    /// `None` where the node has nothing.
    fn of(node: Node) -> Option<Self> {
        Some(Self {
            from: node.from()?,
            node: Arc::new(node),
        })
    }
}

/// Joins a child that has become sparse with a neighbour, and lets go of one that has nothing.
fn tidy(children: &mut Vec<Child>, at: usize) {
    let Some(len) = children.get(at).map(|child| child.node.len()) else {
        return;
    };
    if len == 0 {
        children.remove(at);
        return;
    }
    for left in [Some(at), at.checked_sub(1)].into_iter().flatten() {
        let Some([one, other]) = children.get_mut(left..left + 2) else {
            continue;
        };
        let max = one.node.len_max();
        // Not to the brim: the next insertion would split it again.
        if len < max / SPARSE && one.node.len() + other.node.len() <= max / 2 {
            Arc::make_mut(&mut one.node).absorb(&other.node);
            children.remove(left + 1);
            return;
        }
    }
}

/// Keys of a set, in order.
pub(super) struct Range<'a> {
    keys: std::slice::Iter<'a, Key>,
    /// What is still to come of each node on the way to the leaf.
    ways: SmallVec<[std::slice::Iter<'a, Child>; 5]>,
    last: Key,
}

impl Range<'_> {
    /// Goes to the next leaf.
    fn turn(&mut self) -> Option<()> {
        let mut next = loop {
            match self.ways.last_mut()?.next() {
                Some(child) => break child,
                None => drop(self.ways.pop()),
            }
        };
        // What begins behind the end need not be looked at.
        if next.from > self.last {
            return None;
        }
        loop {
            match &*next.node {
                Node::Leaf(keys) => {
                    self.keys = keys.iter();
                    return Some(());
                }
                Node::Inner(children) => {
                    let mut way = children.iter();
                    next = way.next()?;
                    self.ways.push(way);
                }
            }
        }
    }
}

impl Iterator for Range<'_> {
    type Item = Key;

    fn next(&mut self) -> Option<Key> {
        loop {
            if let Some(key) = self.keys.next() {
                return (*key <= self.last).then_some(*key);
            }
            self.turn()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Random numbers that are the same each time.
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, bound: u32) -> u32 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            u32::try_from(self.0 >> 33).unwrap() % bound
        }
    }

    fn whole(tree: &Tree) -> Vec<Key> {
        tree.range([0; 3], [u32::MAX; 3]).collect()
    }

    /// Every leaf equally deep, no node too full, none without anything below the root, every bound right.
    fn check_shape(node: &Node, is_root: bool) -> usize {
        assert!(node.len() <= node.len_max());
        assert!(is_root || node.len() > 0);
        let Node::Inner(children) = node else { return 0 };
        assert!(children.len() > usize::from(is_root));
        for pair in children.windows(2) {
            let below = Tree {
                root: Arc::clone(&pair[0].node),
            };
            assert!(whole(&below).last().unwrap() < &pair[1].from);
        }
        let depths: BTreeSet<_> = children
            .iter()
            .map(|child| {
                let below = Tree {
                    root: Arc::clone(&child.node),
                };
                assert!(child.from <= whole(&below)[0]);
                check_shape(&child.node, false)
            })
            .collect();
        assert_eq!(depths.len(), 1);
        depths.first().unwrap() + 1
    }

    #[test]
    fn it_is_the_set_that_it_says() {
        let mut draw = Draw(0x9E37_79B9_7F4A_7C15);
        let mut expected = BTreeSet::new();
        let mut tree = Tree::default();
        let mut versions = Vec::new();
        // It grows, then shrinks to nothing, then grows again.
        for step in 0..120_000_u32 {
            let key = [draw.below(300), draw.below(3), draw.below(100)];
            let grows = !(40_000..100_000).contains(&step);
            if draw.below(10) < if grows { 8 } else { 1 } {
                assert_eq!(tree.insert(key), expected.insert(key));
            } else {
                let key = expected.range(key..).next().copied().unwrap_or(key);
                assert_eq!(tree.remove(&key), expected.remove(&key));
            }
            if step % 10_000 == 0 {
                versions.push((tree.clone(), expected.clone()));
                check_shape(&tree.root, true);
            }
        }
        versions.push((tree, expected));
        for (tree, expected) in versions {
            assert_eq!(whole(&tree), expected.iter().copied().collect::<Vec<_>>());
            for _ in 0..200 {
                let (first, last) = (
                    [draw.below(300), draw.below(3), 50],
                    [draw.below(300), draw.below(3), 50],
                );
                let found: Vec<_> = tree.range(first, last).collect();
                let is_in = |key: &&Key| **key >= first && **key <= last;
                assert_eq!(found, expected.iter().filter(is_in).copied().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn it_shrinks_to_nothing() {
        let keys: Vec<Key> = (0..20_000).map(|number| [number, 0, 1]).collect();
        let mut tree = Tree::from_ordered(&keys);
        assert_eq!(whole(&tree), keys);
        check_shape(&tree.root, true);
        for key in keys.iter().rev() {
            assert!(tree.contains(key) && tree.remove(key) && !tree.contains(key));
        }
        assert!(whole(&tree).is_empty());
        assert_eq!(tree.root.len(), 0);
        assert!(whole(&Tree::from_ordered(&[])).is_empty());
    }
}
