# `cmake --install` and the Debian package: cpack -G DEB in the build folder of the release preset.
# Everything under /etc/loa is a conffile: an upgrade asks before it touches what somebody changed.
include(GNUInstallDirs)
set(LOA_MAINTAINER "Loa maintainers <maintainers@loa.example>" CACHE STRING "Maintainer of the package")
set(LOA_DEBIAN ${PROJECT_SOURCE_DIR}/config/debian)
set(LOA_STAGE ${CMAKE_CURRENT_BINARY_DIR}/package)
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
find_program(GZIP gzip REQUIRED)

# A file as Debian wants it: compressed, without a time in it.
function(loa_install_compressed FILE DESTINATION NAME)
  set(TARGET ${LOA_STAGE}/${DESTINATION}/${NAME}.gz)
  cmake_path(GET TARGET PARENT_PATH FOLDER)
  file(MAKE_DIRECTORY ${FOLDER})
  execute_process(COMMAND ${GZIP} -9nc ${FILE} OUTPUT_FILE ${TARGET} COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${FILE})
  install(FILES ${TARGET} DESTINATION ${DESTINATION})
endfunction()

install(TARGETS loa loa-sim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES systemd/loa.service DESTINATION lib/systemd/system)
install(FILES systemd/loa.sysusers DESTINATION lib/sysusers.d RENAME loa.conf)
install(FILES systemd/loa.tmpfiles DESTINATION lib/tmpfiles.d RENAME loa.conf)

set(LOA_ETC /etc/loa)
configure_file(${LOA_DEBIAN}/loa.yaml.in ${LOA_STAGE}/loa.yaml COPYONLY)
install(FILES ${LOA_STAGE}/loa.yaml config/networks.yaml config/optout.csv DESTINATION ${LOA_ETC})
install(DIRECTORY config/profiles templates DESTINATION ${LOA_ETC} FILES_MATCHING PATTERN "*.yaml")

set(LOA_DOC ${CMAKE_INSTALL_DATADIR}/doc/loa)
configure_file(${LOA_DEBIAN}/changelog.in ${LOA_STAGE}/changelog @ONLY)
loa_install_compressed(${LOA_STAGE}/changelog ${LOA_DOC} changelog)
install(FILES ${LOA_DEBIAN}/copyright docs/operate.md README.md ARCHITECTURE.md DESTINATION ${LOA_DOC})
install(FILES config/profiles/README.md DESTINATION ${LOA_DOC} RENAME profiles.md)
install(DIRECTORY config/campaigns config/audience DESTINATION ${LOA_DOC}/examples)
install(FILES config/prometheus/loa.rules.yaml DESTINATION ${CMAKE_INSTALL_DATADIR}/loa/prometheus)
install(FILES config/grafana/loa.json DESTINATION ${CMAKE_INSTALL_DATADIR}/loa/grafana)

file(GLOB MANUALS CONFIGURE_DEPENDS src/man/*.[158])
foreach(MANUAL ${MANUALS})
  cmake_path(GET MANUAL FILENAME NAME)
  string(REGEX MATCH "[158]$" SECTION ${NAME})
  loa_install_compressed(${MANUAL} ${CMAKE_INSTALL_MANDIR}/man${SECTION} ${NAME})
endforeach()

# dpkg wants the list of conffiles in the package.
file(GLOB ETC_FILES RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS config/profiles/*.yaml templates/*.yaml)
list(TRANSFORM ETC_FILES REPLACE "^config/" "")
list(APPEND ETC_FILES loa.yaml networks.yaml optout.csv)
list(TRANSFORM ETC_FILES PREPEND ${LOA_ETC}/)
list(JOIN ETC_FILES "\n" CONFFILES)
file(WRITE ${LOA_STAGE}/conffiles "${CONFFILES}\n")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME loa)
set(CPACK_PACKAGE_CONTACT ${LOA_MAINTAINER})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_SET_DESTDIR ON)  # /etc is beside the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, procps, systemd, tzdata")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus, redis-server")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Loa sends public-safety warnings by SMS to a whole province. It freezes a
campaign into a plan that a second person approves, and sends the plan
through carriers' HTTP gateways within their limits. It records every
attempt durably before it is made, so that at the end each recipient has
exactly one recorded state.
.
The package brings the daemon, its command line, a simulator of carriers,
alert rules for Prometheus and a dashboard for Grafana.")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "SMS warnings to a whole province, with a durable record")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${LOA_DEBIAN}/postinst ${LOA_DEBIAN}/prerm ${LOA_DEBIAN}/postrm ${LOA_STAGE}/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
