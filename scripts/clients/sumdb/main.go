// Go's own transparency log (golang.org/x/mod/sumdb) reads a log of ours: its checkpoint, every tile, every entry; and judges our proofs.
//
// Usage: sumdb FOLDER KEY, where FOLDER is a log, and KEY the public key that it is known by. Proofs come on standard input, one after the
// other, each with a line before it that says how many lines it has: those of C2SP tlog-proof, and requests of C2SP tlog-witness.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func must(err error) {
	if err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
}

func require(good bool, what string, about ...any) {
	if !good {
		must(fmt.Errorf(what, about...))
	}
}

// tiles reads tiles of C2SP tlog-tiles, whose names are those of sumdb without the height.
type tiles struct{ folder string }

func (t tiles) Height() int { return height }

func (t tiles) ReadTiles(asked []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range asked {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.folder, path))
		if err != nil {
			// A partial tile may be gone when there is the full one.
			full := tile
			full.W = 1 << height
			data, err = os.ReadFile(filepath.Join(t.folder, strings.Replace(full.Path(), "tile/8/", "tile/", 1)))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, data[:tile.W*tlog.HashSize])
	}
	return all, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func open(text string, verifiers note.Verifiers) tlog.Tree {
	opened, err := note.Open([]byte(text), verifiers)
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	return tlog.Tree{N: size, Hash: root}
}

func entries(folder string, reader tlog.HashReader, size int64) {
	for index := int64(0); index*256 < size; index++ {
		width := min(size-index*256, 256)
		tile := tlog.Tile{H: height, L: -1, N: index, W: int(width)}
		path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(folder, path))
		must(err)
		var places []int64
		var hashes []tlog.Hash
		for len(bundle) > 0 {
			length := int(binary.BigEndian.Uint16(bundle))
			hashes = append(hashes, tlog.RecordHash(bundle[2:2+length]))
			places = append(places, tlog.StoredHashIndex(0, index*256+int64(len(places))))
			bundle = bundle[2+length:]
		}
		require(int64(len(hashes)) == width, "bundle %d has %d entries", index, len(hashes))
		// What is read is proved by the root.
		expected, err := reader.ReadHashes(places)
		must(err)
		for place := range hashes {
			require(hashes[place] == expected[place], "entry %d is another one", index*256+int64(place))
		}
	}
}

func hashes(lines []string) []tlog.Hash {
	var all []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		must(err)
		all = append(all, hash)
	}
	return all
}

func main() {
	folder, key := os.Args[1], os.Args[2]
	verifier, err := note.NewVerifier(key)
	must(err)
	verifiers := note.VerifierList(verifier)
	checkpoint, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	must(err)
	tree := open(string(checkpoint), verifiers)
	fmt.Printf("held: the checkpoint of %d entries is signed\n", tree.N)
	reader := tlog.TileHashReader(tree, tiles{folder})
	entries(folder, reader, tree.N)
	fmt.Println("held: every entry is in the tree of the checkpoint, by the tiles")
	included, consistent := 0, 0
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		count, err := strconv.Atoi(in.Text())
		must(err)
		var lines []string
		for len(lines) < count && in.Scan() {
			lines = append(lines, in.Text())
		}
		text := strings.Join(lines, "\n") + "\n"
		proof, signed, found := strings.Cut(text, "\n\n")
		require(found, "a proof without a checkpoint")
		under := open(signed, verifiers)
		lines = strings.Split(proof, "\n")
		if old, found := strings.CutPrefix(lines[0], "old "); found {
			size, err := strconv.ParseInt(old, 10, 64)
			must(err)
			root, err := tlog.TreeHash(size, reader)
			must(err)
			theirs, err := tlog.ProveTree(under.N, size, reader)
			must(err)
			ours := hashes(lines[1:])
			require(fmt.Sprint(theirs) == fmt.Sprint(tlog.TreeProof(ours)), "another proof from %d", size)
			must(tlog.CheckTree(ours, under.N, under.Hash, size, root))
			consistent++
			continue
		}
		require(lines[0] == "c2sp.org/tlog-proof@v1", "no proof")
		index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
		must(err)
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		must(err)
		must(tlog.CheckRecord(hashes(lines[2:]), under.N, under.Hash, index, leaf[0]))
		included++
	}
	must(in.Err())
	fmt.Printf("held: %d proofs of inclusion and %d of consistency are good\n", included, consistent)
	require(included > 0 && consistent > 0, "no proofs")
}
