# Packages firstspike_core.v as an IP core with AXI4-Stream and AXI4-Lite interfaces:
#     vivado -mode batch -source package.tcl
# Written after the vendor's documentation and not run by the project, which has no such tool.
set here [file dirname [file normalize [info script]]]
create_project -in_memory
add_files -norecurse [file join $here firstspike_core.v]
set_property top firstspike_core [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir [file join $here ip] -vendor firstspike -library user -taxonomy /UserIP -import_files -set_current true
set core [ipx::current_core]
set_property name firstspike_core $core
set_property display_name "firstspike event core" $core
foreach interface {s_axis m_axis t_axis s_axil} {
    ipx::associate_bus_interfaces -busif $interface -clock clk $core
}
set reset [ipx::get_bus_interfaces rst -of_objects $core]
set polarity [ipx::add_bus_parameter POLARITY $reset]
set_property value ACTIVE_HIGH $polarity
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
