package repository

import (
	"go/ast"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestNoDiagnosticsAreDropped fails if the diagnostics that a call returns are neither appended nor assigned.
func TestNoDiagnosticsAreDropped(t *testing.T) {
	t.Parallel()
	loaded, err := packages.Load(&packages.Config{Context: t.Context(), Dir: root, Mode: packages.LoadSyntax}, "./internal/provider")
	if err != nil || len(loaded) != 1 || len(loaded[0].Errors) > 0 {
		t.Fatalf("loading internal/provider: got %v and error %v, want one package without errors", loaded, err)
	}
	provider, calls := loaded[0], 0
	returnsDiagnostics := func(e ast.Expr) bool {
		call, ok := e.(*ast.CallExpr)
		return ok && strings.Contains(provider.TypesInfo.TypeOf(call).String(), "diag.Diagnostic")
	}
	for _, file := range provider.Syntax {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case ast.Expr:
				if returnsDiagnostics(n) {
					calls++
				}
			case *ast.ExprStmt:
				if returnsDiagnostics(n.X) {
					t.Errorf("%s: got diagnostics that are dropped, want them appended or assigned", provider.Fset.Position(n.Pos()))
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if name, ok := left.(*ast.Ident); ok && name.Name == "_" && len(n.Rhs) == len(n.Lhs) && returnsDiagnostics(n.Rhs[i]) {
						t.Errorf("%s: got diagnostics that are dropped, want them appended or assigned", provider.Fset.Position(n.Pos()))
					}
				}
			}
			return true
		})
	}
	if calls < 20 {
		t.Errorf("got %d calls that return diagnostics, want at least 20: does this test still see them?", calls)
	}
}
