// Verify checks a log from its public files alone. It shares no code with Halfdoor: signatures, hashes and
// proofs are left to the packages behind Go's own checksum database, golang.org/x/mod/sumdb/{note,tlog}.
//
//	verify FOLDER VKEY [EARLIER]
//
// FOLDER holds the log as https://c2sp.org/tlog-tiles lays it out. VKEY is the line, name+ID+base64, that the
// log's operator published. EARLIER is a checkpoint that you kept: the log must still begin with that tree.
//
// It prints what it checked and exits 0, or prints the first fault and exits 1. To build it on Debian:
//
//	apt install golang-go golang-golang-x-mod-dev
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o verify main.go
//
// It makes the whole tree anew from the entries and believes no tile. Whoever would rather read a few tiles with
// tlog.TileHashReader needs golang.org/x/mod 0.40 or newer: before, that could take forged tiles for true ones
// (CVE-2026-56865, https://go.dev/issue/80744).
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8           // of tiles
	width  = 1 << height // hashes in a full tile, entries in a full bundle
	bundle = -1          // the level at which Go keeps entries
)

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: verify FOLDER VKEY [EARLIER]")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func verify(folder, vkey string, earlier []string) error {
	tree, err := open(filepath.Join(folder, "checkpoint"), vkey)
	if err != nil {
		return err
	}
	fmt.Printf("checkpoint: %d entries, root %v, signed by %s\n", tree.N, tree.Hash, vkey)

	hashes, err := checkEntries(folder, tree)
	if err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	if err := checkTiles(folder, tree, hashes); err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	if err := checkInclusion(tree, hashes); err != nil {
		return fmt.Errorf("inclusion: %w", err)
	}
	if err := checkConsistency(tree, hashes); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	for _, path := range earlier {
		old, err := open(path, vkey)
		if err != nil {
			return err
		}
		if err := extends(tree, old, hashes); err != nil {
			return fmt.Errorf("the log does not extend %s: %w", path, err)
		}
		fmt.Printf("earlier checkpoint: the log extends its %d entries\n", old.N)
	}
	return nil
}

// open reads a checkpoint that this key has signed. Its text is that of Go's checksum database but for the first
// line, the log's name, so Go's own parser reads the rest.
func open(path, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%q: %w", vkey, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", path, err)
	}
	name := verifier.Name() + "\n"
	if !strings.HasPrefix(signed.Text, name) {
		return tlog.Tree{}, fmt.Errorf("%s: it is of another log", path)
	}
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.TrimPrefix(signed.Text, name)))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", path, err)
	}
	return tree, nil
}

// checkEntries makes the tree from its entries and compares its root with the checkpoint's. It returns the
// tree's hashes.
func checkEntries(folder string, tree tlog.Tree) (tlog.HashReader, error) {
	var stored []tlog.Hash // in the order that Go gives the hashes of a tree
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for first := int64(0); first < tree.N; first += width {
		entries, err := readBundle(folder, first/width, tree.N)
		if err != nil {
			return nil, err
		}
		for i, entry := range entries {
			more, err := tlog.StoredHashes(first+int64(i), entry, hashes)
			if err != nil {
				return nil, err
			}
			stored = append(stored, more...)
		}
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return nil, err
	}
	if tree.N == 0 {
		root = sha256.Sum256(nil) // RFC 6962 §2.1; Go's own logs have zeroes there
	}
	if root != tree.Hash {
		return nil, fmt.Errorf("they have the root %v", root)
	}
	fmt.Printf("entries: all %d, and they have that root\n", tree.N)
	return hashes, nil
}

// checkTiles compares every tile with the tree: those of level 0 hold the hashes of entries, those above hold
// the roots of whole tiles below.
func checkTiles(folder string, tree tlog.Tree, hashes tlog.HashReader) error {
	count := 0
	for level := 0; tree.N>>(height*level) > 0; level++ {
		for n := int64(0); n*width < tree.N>>(height*level); n++ {
			tile := tileAt(level, n, tree.N)
			want, err := tlog.ReadTileData(tile, hashes)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(path(folder, tile))
			if err != nil {
				return err
			}
			if !bytes.Equal(data, want) {
				return fmt.Errorf("%s does not hold the hashes of the entries", path(folder, tile))
			}
			count++
		}
	}
	fmt.Printf("tiles: all %d hold the hashes of the entries\n", count)
	return nil
}

// checkInclusion proves that entries stand in the tree.
func checkInclusion(tree tlog.Tree, hashes tlog.HashReader) error {
	for _, size := range sizes(tree.N) {
		index := size - 1
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0]); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	fmt.Printf("inclusion: proved for %d of the entries\n", len(sizes(tree.N)))
	return nil
}

// checkConsistency proves that the tree extends what it was at earlier sizes.
func checkConsistency(tree tlog.Tree, hashes tlog.HashReader) error {
	for _, size := range sizes(tree.N) {
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			return err
		}
		if err := extends(tree, tlog.Tree{N: size, Hash: root}, hashes); err != nil {
			return fmt.Errorf("with the tree of %d: %w", size, err)
		}
	}
	fmt.Printf("consistency: proved with the tree at %d sizes\n", len(sizes(tree.N)))
	return nil
}

// extends proves that the tree begins with an older one.
func extends(tree, old tlog.Tree, hashes tlog.HashReader) error {
	if old.N == 0 {
		return nil // every tree extends that of no entries
	}
	if old.N > tree.N {
		return fmt.Errorf("it had %d entries and now has %d", old.N, tree.N)
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// sizes to try proofs at: where a tree becomes a whole one (1, 2, 4, 8 …), one before, and n.
func sizes(n int64) []int64 {
	var found []int64
	for power := int64(2); power-1 < n; power *= 2 {
		found = append(found, power-1)
		if power < n {
			found = append(found, power)
		}
	}
	if n > 0 {
		found = append(found, n)
	}
	return found
}

// tileAt is the n-th tile of a level of a tree of this size, or the n-th bundle. The last may be partial.
func tileAt(level int, n, size int64) tlog.Tile {
	if level > 0 {
		size >>= height * level
	}
	if left := size - n*width; left < width {
		return tlog.Tile{H: height, L: level, N: n, W: int(left)}
	}
	return tlog.Tile{H: height, L: level, N: n, W: width}
}

// path is where a tile lies: at tile/LEVEL/…, a bundle at tile/entries/…. Go writes tile/8/LEVEL/… and
// tile/8/data/….
func path(folder string, tile tlog.Tile) string {
	below := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if tile.L == bundle {
		below = "entries/" + strings.TrimPrefix(below, "data/")
	}
	return filepath.Join(folder, "tile", below)
}

// readBundle reads the n-th bundle of a tree of this size: entries, each behind its length in two bytes.
func readBundle(folder string, n, size int64) ([][]byte, error) {
	tile := tileAt(bundle, n, size)
	data, err := os.ReadFile(path(folder, tile))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(data))
		if end > len(data) {
			break
		}
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if len(data) > 0 || len(entries) != tile.W {
		return nil, fmt.Errorf("%s does not hold %d whole entries", path(folder, tile), tile.W)
	}
	return entries, nil
}
