package check

import "errors"

// CAA is what a CAA record says (RFC 8659, 4.1).
type CAA struct {
	Flags uint8
	Tag   string
	Value string
}

var errCAA = errors.New("a CAA record is malformed")

// parseCAA takes the data of a CAA record apart: flags, the length of the tag, the tag, and the value as the rest.
func parseCAA(data []byte) (CAA, error) {
	const before = 2
	if len(data) < before {
		return CAA{}, errCAA
	}
	flags, length, rest := data[0], int(data[1]), data[before:]
	if length == 0 || length > len(rest) {
		return CAA{}, errCAA
	}
	return CAA{Flags: flags, Tag: string(rest[:length]), Value: string(rest[length:])}, nil
}
