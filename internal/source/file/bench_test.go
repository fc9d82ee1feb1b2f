package file_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

// Linear: the time of a List grows with the people, that of a Get does not.
func BenchmarkList(b *testing.B) {
	each(b, func(b *testing.B, s source.Source, people int) {
		for b.Loop() {
			snapshot, err := s.List(b.Context(), func(source.Record) error { return nil })
			require.NoError(b, err)
			require.Equal(b, people, snapshot.Count)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*people), "ns/person")
	})
}

func BenchmarkGet(b *testing.B) {
	each(b, func(b *testing.B, s source.Source, people int) {
		_, _, err := s.Get(b.Context(), "E00001")
		require.NoError(b, err)
		for i := 0; b.Loop(); i++ {
			_, _, err := s.Get(b.Context(), fmt.Sprintf("E%05d", 1+i*7919%people))
			require.NoError(b, err)
		}
	})
}

func each(b *testing.B, run func(*testing.B, source.Source, int)) {
	for _, people := range []int{10_000, 100_000} {
		all := sourcetest.People(people)
		for name, text := range map[string][]byte{"p.csv": csvOf(b, all), "p.json": jsonOf(b, all)} {
			b.Run(fmt.Sprintf("%s/%d", name, people), func(b *testing.B) {
				run(b, open(b, settled(b, name, text)), people)
			})
		}
	}
}
