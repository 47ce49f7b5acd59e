package module

import (
	"reflect"
	"unsafe"
)

// peek reads a field that Caddy keeps to itself and tells by no other way. It
// finds nothing where the field has another name or type.
func peek[T any](holder any, name string) (T, bool) {
	var none T
	v := reflect.ValueOf(holder)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return none, false
	}
	field := v.Elem().FieldByName(name)
	if !field.IsValid() || field.Type() != reflect.TypeFor[T]() {
		return none, false
	}
	return *(*T)(unsafe.Pointer(field.UnsafeAddr())), true
}
