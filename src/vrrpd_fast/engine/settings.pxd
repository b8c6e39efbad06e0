# The settings of one virtual router, checked. See settings.pyi.

from libc.stdint cimport uint8_t

from vrrpd_fast.engine.virtual_router cimport settings_t, vr_t

cdef class Settings:
    cdef settings_t values
    cdef uint8_t address_length

    # Hand the values over to a virtual router, whose former ones are freed. Cannot fail; once.
    cdef void give(self, vr_t *vr) noexcept

cdef void settings_free(settings_t *settings) noexcept nogil
